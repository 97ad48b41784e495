import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { AppendedFile } from '#lib/tuning/appended-file.js'
import type { TuneEvent } from '#lib/tuning/events.js'
import { tuneWorkloads } from '#lib/tuning/tune.js'
import { scratchFolder } from '../support/scratch.js'
import { smallDisk } from '../support/small-disk.js'

const disk = smallDisk(scratchFolder(), 16)
const dense = {
  task: 'dense_pack.x86',
  args: [['TENSOR', [4, 32], 'float32'], ['TENSOR', [32, 32], 'float32'], null, 'float32'],
}
const fast = { number: 1, repeat: 1, min_repeat_ms: 0 }

/** Fills the disk but for some bytes, which are whole pages. */
function fillBut(path: string, bytes: number): void {
  writeFileSync(join(path, 'filling'), Buffer.alloc(16_384 - bytes))
}

test.skipIf(!disk)(
  'lines are appended whole or not at all where the disk is full (needs to mount a disk)',
  async () => {
    const path = join(disk as string, 'some.log')
    fillBut(disk as string, 4096)
    const file = await AppendedFile.open(path, () => false)
    const lines = Array.from({ length: 10 }, (_, i) => `${i}`.repeat(300))
    await file.append(lines)
    await expect(file.append(lines)).rejects.toThrow(/ENOSPC/)
    await file.close()
    expect(readFileSync(path, 'utf8')).toBe(lines.map((line) => `${line}\n`).join(''))
  },
)

test.skipIf(!disk)(
  'a full disk costs the records, not the tuning (needs to mount a disk)',
  async () => {
    rmSync(join(disk as string, 'some.log'), { force: true })
    fillBut(disk as string, 0)
    const events: TuneEvent[] = []
    const records = join(disk as string, 'full.log')
    const { tasks } = await tuneWorkloads([dense], {
      tuner: { task_budget: 6, batch: 2, records, runner: fast },
      onEvent: (event) => events.push(event),
    })
    expect(tasks[0]).toMatchObject({ trials: 6 })
    const warnings = events.flatMap((event) => (event.type === 'warning' ? [event.message] : []))
    expect(warnings).toEqual([expect.stringMatching(/cannot be written, tuning goes on without: ENOSPC/)])
    expect(readFileSync(records, 'utf8')).toBe('')
  },
  60_000,
)

test('a search ends when its time is over', async () => {
  const { tasks } = await tuneWorkloads([dense], {
    tuner: { task_budget: 500, time_budget: 1e-3, runner: fast },
  })
  expect(tasks[0]).toMatchObject({ trials: 0, ended: 'time', kept: false })
}, 60_000)
