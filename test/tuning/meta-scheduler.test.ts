import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { compile } from '#lib/compile/compile.js'
import { load } from '#lib/session/load.js'
import { tensor } from '#lib/tensor.js'
import type { TuneEvent } from '#lib/tuning/events.js'
import { tune } from '#lib/tuning/tune.js'
import { cli } from '../support/cli.js'
import { onnxModel } from '../support/onnx-writer.js'
import { randomTensor } from '../support/random.js'
import { expectClose, runReference } from '../support/run-onnx.js'
import { scratchFolder } from '../support/scratch.js'
import { expectEndByAbort } from '../support/tuning.js'

/** A convolution of floats and one of bytes. */
const network = onnxModel({
  opset: 13,
  inputs: { x: { dtype: 'float32', shape: [1, 8, 8, 8] } },
  initializers: {
    w: randomTensor([16, 8, 3, 3], 'float32', -0.2, 0.2),
    v: randomTensor([16, 16, 1, 1], 'int8', -100, 100),
    scale: tensor(Float32Array.of(0.02), []),
    zero: tensor(Uint8Array.of(0), []),
    fine: tensor(Float32Array.of(0.01), []),
    none: tensor(Int8Array.of(0), []),
  },
  nodes: [
    { op: 'Conv', inputs: ['x', 'w'], outputs: ['a'], attrs: { pads: [1, 1, 1, 1] } },
    { op: 'Relu', inputs: ['a'], outputs: ['b'] },
    { op: 'QuantizeLinear', inputs: ['b', 'scale', 'zero'], outputs: ['q'] },
    { op: 'DequantizeLinear', inputs: ['q', 'scale', 'zero'], outputs: ['d'] },
    { op: 'DequantizeLinear', inputs: ['v', 'fine', 'none'], outputs: ['dv'] },
    { op: 'Conv', inputs: ['d', 'dv'], outputs: ['c'] },
    { op: 'QuantizeLinear', inputs: ['c', 'scale', 'zero'], outputs: ['e'] },
    { op: 'DequantizeLinear', inputs: ['e', 'scale', 'zero'], outputs: ['y'] },
  ],
  outputs: ['y'],
})
const feeds = { x: randomTensor([1, 8, 8, 8]) }
const scratch = scratchFolder()
const model = join(scratch, 'model.onnx')
writeFileSync(model, network)
const target = 'llvm -mcpu=x86-64-v3'
const records = join(scratch, 'database')
const fast = { number: 1, repeat: 1, min_repeat_ms: 0 }
const WORKLOADS = 'database_workload.json'
const RECORDS = 'database_tuning_record.json'
const linesOf = (file: string, folder = records) =>
  readFileSync(join(folder, file), 'utf8').split('\n').filter(Boolean)

/** Fused functions of this network that sum anything up. */
const TASKS = 2
const BUDGET = 6
const settings = { name: 'meta_scheduler', batch: 4, runner: fast } as const

describe.sequential('a search over traces', { timeout: 400_000 }, () => {
  test('finds schedules for every fused function that sums, in the files of a TVM database', async () => {
    const events: TuneEvent[] = []
    const report = await tune(model, {
      target,
      tuner: { ...settings, task_budget: BUDGET, records, seed: 1 },
      onEvent: (event) => events.push(event),
    })
    await report.artifact.dispose()
    expect(report.tasks).toHaveLength(TASKS)
    expect(linesOf(WORKLOADS)).toHaveLength(TASKS)
    expect(linesOf(RECORDS)).toHaveLength(BUDGET * TASKS)
    expect(events.filter(({ type }) => type === 'trial')).toHaveLength((BUDGET + 1) * TASKS)
    for (const { defaultMs, bestMs } of report.tasks) expect(bestMs).toBeLessThanOrEqual(defaultMs as number)
    // Programs differ: nothing is measured twice.
    const traces = linesOf(RECORDS).map((line) => JSON.stringify(JSON.parse(line)[1][0]))
    expect(new Set(traces).size).toBe(traces.length)
    // The instruction for products of bytes is among what is tried.
    expect(traces.some((trace) => trace.includes('dot_8x4_avx2'))).toBe(true)
  })

  test('a build with the records schedules every such function by them and computes the same', async () => {
    await using artifact = await compile(model, { target, records })
    expect(artifact.warnings).toEqual([])
    const hits = artifact.metadata.schedules.filter((each) => each.implementation === 'meta_scheduler')
    expect(hits).toHaveLength(TASKS)
    await using session = await load(artifact, { isolation: 'process' })
    expectClose(await session.run(feeds), await runReference(network, feeds))
  })

  test('every schedule that multiplies bytes by the instruction computes the same', async () => {
    const tensorized = linesOf(RECORDS).filter((line) => line.includes('dot_8x4_avx2'))
    const folder = join(scratch, 'tensorized')
    mkdirSync(folder)
    writeFileSync(
      join(folder, WORKLOADS),
      linesOf(WORKLOADS)
        .map((line) => `${line}\n`)
        .join(''),
    )
    const cheap = (line: string) => {
      const [number, [trace, , ...rest]] = JSON.parse(line)
      return JSON.stringify([number, [trace, [1e-9], ...rest]])
    }
    writeFileSync(join(folder, RECORDS), `${cheap(tensorized[0] as string)}\n`)
    await using artifact = await compile(model, { target, records: folder })
    expect(artifact.warnings).toEqual([])
    await using session = await load(artifact, { isolation: 'process' })
    expectClose(await session.run(feeds), await runReference(network, feeds))
  })

  test('a second run goes on from the records, also from a line that was cut off', async () => {
    const before = linesOf(RECORDS)
    writeFileSync(join(records, RECORDS), `${before.join('\n')}\n${before[0]?.slice(0, 40)}`)
    const report = await tune(model, {
      target,
      tuner: { ...settings, task_budget: BUDGET, records },
    })
    await report.artifact.dispose()
    expect(report.tasks.map(({ resumed }) => resumed).reduce((a, b) => a + b)).toBe(before.length)
    expect(linesOf(RECORDS)).toEqual(before)
  })

  test('ends within two seconds, with nothing left over', async () => {
    // In the middle of the next search.
    await expectEndByAbort(
      model,
      { target, tuner: { ...settings, task_budget: 500 } },
      { after: 'progress', delayMs: 500 },
    )
  })
})

test('auto_scheduler says which functions it has no instruction for', { timeout: 200_000 }, async () => {
  const warnings: string[] = []
  const report = await tune(model, {
    target,
    tuner: { name: 'auto_scheduler', task_budget: 0, runner: fast },
    onEvent: (event) => event.type === 'warning' && warnings.push(event.message),
  })
  await report.artifact.dispose()
  expect(warnings).toHaveLength(1)
  expect(warnings[0]).toMatch(/autotvm or meta_scheduler may find faster code for nn_contrib_conv2d_NCHWc/)
})

describe('bad input', { timeout: 200_000 }, () => {
  type Line = [
    number,
    [[[string, unknown[], unknown[], string[]][], unknown[]], number[], { kind: string }, unknown],
  ]
  const withRecord = (name: string, change: (line: Line) => void) => {
    const folder = join(scratch, name.replaceAll(' ', '-'))
    mkdirSync(folder)
    writeFileSync(join(folder, WORKLOADS), readFileSync(join(records, WORKLOADS)))
    const line = JSON.parse(linesOf(RECORDS)[0] as string)
    change(line)
    writeFileSync(join(folder, RECORDS), `${JSON.stringify(line)}\n`)
    return folder
  }

  test.each<[string, (line: Line) => void, RegExp]>([
    [
      'a trace that no longer applies',
      (line) => line[1][0][0].splice(0, 1, ['GetBlock', [], ['elsewhere', 'main'], ['b0']]),
      /cannot be applied/,
    ],
    [
      'an instruction that there is none of',
      (line) => (line[1][0][0][0] as string[]).splice(0, 1, 'Nothing'),
      /cannot be applied/,
    ],
    ['a function that is not there', (line) => line.splice(0, 1, 99), /no function of number 99/],
    ['a target that is none', (line) => (line[1][2] = { kind: 'nonsense' }), /are ignored/],
    ['costs that are none', (line) => (line[1][1] = ['a'] as unknown as number[]), /costs are no numbers/],
    ['no trace', (line) => (line[1][0] = [] as never), /trace is not/],
  ])('%s is told of, and the build goes on without', async (name, change, message) => {
    await using artifact = await compile(model, { target, records: withRecord(name, change) })
    expect(artifact.warnings.join('\n')).toMatch(message)
    await using session = await load(artifact, { isolation: 'process' })
    expectClose(await session.run(feeds), await runReference(network, feeds))
  })

  test('a folder without the files of a database is refused', async () => {
    await expect(compile(model, { target, records: scratch })).rejects.toMatchObject({ code: 'ERR_RECORD' })
  })

  test.each([[{ hardware: { num_cores: 0 } }], [{ population: 3 }]])('%j is refused', async (more) => {
    const tuner = { name: 'meta_scheduler', ...more } as object
    await expect(tune(model, { target, tuner })).rejects.toMatchObject({ code: 'ERR_CONFIG' })
  })
})

test('the command line has it, and reads what it wrote', { timeout: 200_000 }, async () => {
  const [database, best] = [join(scratch, 'cli'), join(scratch, 'cli-best')]
  const args = [
    'tune',
    model,
    '--tuner',
    'meta_scheduler',
    '--task-budget',
    '1',
    '--json',
    '--target',
    target,
  ]
  for (const trials of [1, 2]) {
    const budget = ['--task-budget', String(trials), '--records', database, '--best', best]
    const { code, json } = await cli([...args, ...budget])
    expect(code).toBe(0)
    expect(json.at(-1).type).toBe('report')
    expect(linesOf(RECORDS, database)).toHaveLength(trials * TASKS)
  }
  const shown = await cli(['inspect', 'records', database, '--json'])
  expect(shown.json).toHaveLength(2 * TASKS)
  for (const { script } of shown.json) expect(script).toMatch(/@T\.prim_func/)
  const kept = linesOf(RECORDS, best).length
  await using artifact = await compile(model, { target, records: best })
  expect(artifact.metadata.schedules.filter((each) => each.implementation === 'meta_scheduler')).toHaveLength(
    kept,
  )
})
