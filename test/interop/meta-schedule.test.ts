import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { compile } from '#lib/compile/compile.js'
import { tune } from '#lib/tuning/tune.js'
import { network } from '../support/artifacts.js'
import { scratchFolder } from '../support/scratch.js'

/** A Python that has TVM 0.18 and onnx; without, this folder is left out (vitest.config.ts). */
const python = process.env.TVM_NODE_PYTHON as string
const script = fileURLToPath(new URL('../fixtures/peers/meta_schedule.py', import.meta.url))
const { model } = network('ad_autoencoder')
const scratch = scratchFolder()
const records = join(scratch, 'own')
const target = 'llvm -mcpu=x86-64-v3'

async function peer(...args: string[]) {
  const { stdout } = await promisify(execFile)(python, [script, ...args])
  return JSON.parse(stdout.trim().split('\n').at(-1) as string)
}

test('Python TVM builds every record of ours and has the same hashes, and its records for our functions hit here', {
  timeout: 900_000,
}, async () => {
  const runner = { number: 1, repeat: 1, min_repeat_ms: 0 }
  const tuner = { name: 'meta_scheduler', task_budget: 2, records, runner } as const
  const report = await tune(model, { target, tuner })
  await report.artifact.dispose()
  const tasks = report.tasks.length
  expect(await peer('read', records)).toEqual({ records: 2 * tasks, built: 2 * tasks, same: true })

  const theirs = join(scratch, 'theirs')
  expect(await peer('tune', records, theirs)).toMatchObject({ functions: tasks })
  await using artifact = await compile(model, { target, records: theirs })
  expect(artifact.warnings).toEqual([])
  const hits = artifact.metadata.schedules.filter((each) => each.implementation === 'meta_scheduler')
  expect(hits).toHaveLength(tasks)
})
