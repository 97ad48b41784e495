import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { compile } from '#lib/compile/compile.js'
import { decodeRecord, encodeRecord } from '#lib/schedule-config/record.js'
import { load } from '#lib/session/load.js'
import type { TuneEvent } from '#lib/tuning/events.js'
import { tune } from '#lib/tuning/tune.js'
import { cli } from '../support/cli.js'
import { onnxModel } from '../support/onnx-writer.js'
import { randomTensor } from '../support/random.js'
import { expectClose, runReference } from '../support/run-onnx.js'
import { scratchFolder } from '../support/scratch.js'
import { expectEndByAbort } from '../support/tuning.js'

const network = onnxModel({
  opset: 13,
  inputs: { x: { dtype: 'float32', shape: [1, 16, 14, 14] } },
  initializers: {
    w: randomTensor([32, 16, 3, 3], 'float32', -0.2, 0.2),
    m: randomTensor([32, 10], 'float32', -0.2, 0.2),
  },
  nodes: [
    { op: 'Conv', inputs: ['x', 'w'], outputs: ['a'], attrs: { pads: [1, 1, 1, 1] } },
    { op: 'Relu', inputs: ['a'], outputs: ['b'] },
    { op: 'GlobalAveragePool', inputs: ['b'], outputs: ['e'] },
    { op: 'Flatten', inputs: ['e'], outputs: ['f'] },
    { op: 'MatMul', inputs: ['f', 'm'], outputs: ['y'] },
  ],
  outputs: ['y'],
})
const feeds = { x: randomTensor([1, 16, 14, 14]) }
const scratch = scratchFolder()
const model = join(scratch, 'model.onnx')
writeFileSync(model, network)
const target = 'llvm -mcpu=x86-64-v3'
const records = join(scratch, 'network.log')
const fast = { number: 1, repeat: 1, min_repeat_ms: 0 }
const linesOf = (path: string) => readFileSync(path, 'utf8').split('\n').filter(Boolean)

/** Fused functions of this network that sum anything up. */
const TASKS = 3
const BUDGET = 10

describe.sequential('a search without templates', { timeout: 240_000 }, () => {
  test('finds schedules for every fused function that sums, and writes what the library reads', async () => {
    const events: TuneEvent[] = []
    const report = await tune(model, {
      target,
      tuner: { name: 'auto_scheduler', task_budget: BUDGET, batch: 6, records, runner: fast, seed: 1 },
      onEvent: (event) => events.push(event),
    })
    await report.artifact.dispose()
    expect(report.tasks).toHaveLength(TASKS)
    const trials = events.filter(({ type }) => type === 'trial')
    expect(trials.length).toBe(linesOf(records).length + TASKS)
    expect(linesOf(records).length).toBe(BUDGET * TASKS)
    for (const line of linesOf(records)) {
      const record = decodeRecord(line)
      expect(record && JSON.parse(encodeRecord(record))).toEqual({
        ...JSON.parse(line),
      })
    }
    for (const { defaultMs, bestMs } of report.tasks) expect(bestMs).toBeLessThanOrEqual(defaultMs as number)
    // Programs differ: nothing is measured twice.
    expect(new Set(linesOf(records).map((line) => JSON.stringify(JSON.parse(line).i))).size).toBe(
      linesOf(records).length,
    )
  })

  test('a build with the records schedules every such function by them and computes the same', async () => {
    await using artifact = await compile(model, { target, records })
    expect(artifact.warnings).toEqual([])
    const hits = artifact.metadata.schedules.filter((each) => each.implementation === 'auto_scheduler')
    expect(hits).toHaveLength(TASKS)
    await using session = await load(artifact, { isolation: 'process' })
    expectClose(await session.run(feeds), await runReference(network, feeds))
  })

  test('a second run goes on from the records', async () => {
    const before = linesOf(records).length
    const report = await tune(model, {
      target,
      tuner: { name: 'auto_scheduler', task_budget: BUDGET, records, runner: fast },
    })
    await report.artifact.dispose()
    expect(report.tasks.map(({ resumed }) => resumed).reduce((a, b) => a + b)).toBe(before)
    expect(linesOf(records).length).toBe(before)
  })

  test('ends within two seconds, with nothing left over', async () => {
    // In the middle of the next search.
    await expectEndByAbort(
      model,
      { target, tuner: { name: 'auto_scheduler', task_budget: 500, runner: fast } },
      { after: 'progress', delayMs: 500 },
    )
  })
})

describe('bad input', { timeout: 120_000 }, () => {
  const good = () => linesOf(records).find((line) => JSON.parse(line).r[1] === 0) as string
  const withLine = (name: string, line: string) => {
    const path = join(scratch, name)
    writeFileSync(path, `${line}\n`)
    return path
  }
  const edited = (change: (raw: { i: [unknown[], [unknown[], unknown[]]] }) => void) => {
    const raw = JSON.parse(good())
    change(raw)
    return JSON.stringify(raw)
  }

  test.each<[string, () => string, RegExp]>([
    [
      'steps that no longer apply',
      () => edited(({ i }) => i[1][1].splice(0, 9, ['SP', 99, 0, 4, [2], 1])),
      /cannot be applied/,
    ],
    [
      'a step that there is none of',
      () => edited(({ i }) => i[1][1].unshift(['XX', 1])),
      /cannot be applied/,
    ],
    [
      'a workload of another network',
      () => edited(({ i }) => (i[0][0] = '["0123", [1, 2]]')),
      /is in this network/,
    ],
    ['another target', () => edited(({ i }) => (i[0][1] = 'nonsense -x')), /are ignored/],
    ['a damaged line', () => good().slice(0, 60), /not a tuning record|cut off/],
    ['costs that are none', () => good().replace(/"r":\[\[[^\]]*\]/, '"r":[["a"]'), /list of costs/],
  ])('%s is told of, and the build goes on without', async (name, line, message) => {
    const options = { target, records: withLine(`${name.replaceAll(' ', '-')}.log`, line()) }
    await using artifact = await compile(model, options)
    expect(artifact.warnings.join('\n')).toMatch(message)
    await using session = await load(artifact, { isolation: 'process' })
    expectClose(await session.run(feeds), await runReference(network, feeds))
  })

  test.each([
    [{ hardware: { num_cores: 0 } }],
    [{ hardware: { vector_unit_bytes: 0 } }],
    [{ hardware: { cores: 2 } }],
    [{ population: 3 }],
  ])('%j is refused', async (more) => {
    const tuner = { name: 'auto_scheduler', ...more } as object
    await expect(tune(model, { target, tuner })).rejects.toMatchObject({ code: 'ERR_CONFIG' })
  })

  test('boards whose cores nobody names are refused before anything is measured', async () => {
    const runner = { tracker: '127.0.0.1:9', key: 'board' }
    await expect(tune(model, { target, tuner: { name: 'auto_scheduler', runner } })).rejects.toMatchObject({
      code: 'ERR_CONFIG',
    })
  })
})

test('the command line has it', { timeout: 120_000 }, async () => {
  const log = join(scratch, 'cli.log')
  const args = ['tune', model, '--tuner', 'auto_scheduler', '--task-budget', '1', '--records', log, '--json']
  const { code, json } = await cli([...args, '--target', target])
  expect(code).toBe(0)
  expect(json.at(-1).type).toBe('report')
  expect(linesOf(log).length).toBeGreaterThan(0)
})
