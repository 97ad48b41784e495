import { existsSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { findBoard } from '#lib/boards/find.js'
import { microBoardOf } from '#lib/boards/micro.js'
import { LocalBuilder } from '#lib/measure/local-builder.js'
import { measureBatch } from '#lib/measure/measure.js'
import { MicroRunner } from '#lib/measure/micro-runner.js'
import type { BuildInput } from '#lib/measure/trial.js'
import { TrialError } from '#lib/schedule-config/record.js'
import { hasTool } from '../support/tools.js'

const templates = [fileURLToPath(new URL('../fixtures/templates/faulty.mjs', import.meta.url))]
const disposables: { dispose(): Promise<void> }[] = []
afterAll(async () => {
  for (const each of disposables) await each.dispose()
})

function input(behaviour: string): BuildInput {
  const workload = { task: 'test.faulty', args: [['TENSOR', [64], 'float32']] }
  const config = { index: 0, code_hash: null, entity: [['behaviour', 'ot', behaviour]] }
  return { kind: 'autotvm', target: 'c', templates, candidate: { workload, config } }
}

function measuring(name: string) {
  const board = microBoardOf(findBoard(name))
  const builder = new LocalBuilder({ timeout: 20, parallel: 2, platform: board.platform })
  const runner = new MicroRunner({ board, timeout: 3 })
  disposables.push(builder, runner)
  return { builder, runner }
}

const ways = [
  ['host_sim', 'cc', 'cc'],
  ['qemu_cortex_m4', 'arm-none-eabi-gcc', 'qemu-system-arm'],
] as const
for (const [name, compiler, simulator] of ways) {
  test.skipIf(!hasTool(compiler) || !hasTool(simulator))(
    `${name}: a fault is a coded error, never a time, and the next trial finds the board fresh (needs ${compiler}, ${simulator})`,
    { timeout: 90_000 },
    async () => {
      const { builder, runner } = measuring(name)
      const behaviours = ['good', 'throw', 'crash', 'endless', 'good']
      const results = await measureBatch(behaviours.map(input), { builder, runner })
      expect(results.map(({ error }) => error)).toEqual([
        TrialError.NONE,
        TrialError.INSTANTIATION,
        TrialError.RUNTIME_DEVICE,
        TrialError.RUN_TIMEOUT,
        TrialError.NONE,
      ])
      for (const { error, costs } of results) expect(costs).toHaveLength(error === TrialError.NONE ? 1 : 0)
      expect(results[0]?.costs[0]).toBeGreaterThan(0)
    },
  )
}

test.skipIf(!hasTool('arm-none-eabi-gcc') || !hasTool('qemu-system-arm'))(
  'what a simulator counts is the kernel alone, and the same each time (needs arm-none-eabi-gcc, qemu-system-arm)',
  { timeout: 60_000 },
  async () => {
    const { builder, runner } = measuring('qemu_cortex_m4')
    const results = await measureBatch([input('good'), input('good')], { builder, runner })
    const [[first], [second]] = results.map(({ costs }) => costs) as [number[], number[]]
    expect(second).toBe(first)
    // 64 products of floats, an instruction each and a few around it, at 128 nanoseconds.
    const instructions = (first as number) / 128e-9
    expect(instructions).toBeGreaterThan(64)
    expect(instructions).toBeLessThan(64 * 20)
    const folders = readdirSync(tmpdir()).filter((each) => each.startsWith('tvm-node-build-'))
    for (const folder of folders) expect(existsSync(`${tmpdir()}/${folder}/trial1.elf`)).toBe(false)
  },
)

test('an abort ends a trial at once', { timeout: 60_000 }, async () => {
  const { builder, runner } = measuring('host_sim')
  const built = await builder.build(input('endless'))
  if (!('path' in built)) throw new Error(built.message)
  const controller = new AbortController()
  setTimeout(() => controller.abort(new Error('enough')), 1000)
  await expect(runner.run(built, controller.signal)).rejects.toThrow('enough')
})
