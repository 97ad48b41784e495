import { spawn } from 'node:child_process'
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { decodeRecord } from '#lib/schedule-config/record.js'
import { load } from '#lib/session/load.js'
import type { TuneEvent } from '#lib/tuning/events.js'
import { tune, tuneWorkloads } from '#lib/tuning/tune.js'
import { main } from '../support/cli.js'
import { onnxModel } from '../support/onnx-writer.js'
import { childrenOf } from '../support/processes.js'
import { randomTensor } from '../support/random.js'
import { expectClose, runReference } from '../support/run-onnx.js'
import { scratchFolder } from '../support/scratch.js'
import { expectEndByAbort } from '../support/tuning.js'

// Two convolutions and a dense layer.
const network = onnxModel({
  opset: 13,
  inputs: { x: { dtype: 'float32', shape: [1, 8, 10, 10] } },
  initializers: {
    w: randomTensor([16, 8, 3, 3], 'float32', -0.2, 0.2),
    d: randomTensor([16, 1, 3, 3], 'float32', -0.2, 0.2),
    m: randomTensor([16, 8], 'float32', -0.2, 0.2),
  },
  nodes: [
    { op: 'Conv', inputs: ['x', 'w'], outputs: ['a'], attrs: { pads: [1, 1, 1, 1] } },
    { op: 'Relu', inputs: ['a'], outputs: ['b'] },
    { op: 'Conv', inputs: ['b', 'd'], outputs: ['c'], attrs: { group: 16, strides: [2, 2] } },
    { op: 'GlobalAveragePool', inputs: ['c'], outputs: ['e'] },
    { op: 'Flatten', inputs: ['e'], outputs: ['f'] },
    { op: 'MatMul', inputs: ['f', 'm'], outputs: ['y'] },
  ],
  outputs: ['y'],
})
const feeds = { x: randomTensor([1, 8, 10, 10]) }
const scratch = scratchFolder()
const model = join(scratch, 'model.onnx')
writeFileSync(model, network)
const templateFile = (name: string) =>
  fileURLToPath(new URL(`../fixtures/templates/${name}.mjs`, import.meta.url))
const fast = { number: 1, repeat: 1, min_repeat_ms: 0 }
const linesOf = (path: string) =>
  existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : []

describe.sequential('a network', { timeout: 120_000 }, () => {
  const records = join(scratch, 'network.log')

  test('is tuned, stays right, and says what was kept', async () => {
    const events: TuneEvent[] = []
    const report = await tune(model, {
      tuner: { task_budget: 2, records, runner: fast, seed: 1 },
      onEvent: (event) => events.push(event),
    })
    expect(report.tasks.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['conv2d_NCHWc.x86', 'depthwise_conv2d_NCHWc.x86', 'dense_pack.x86']),
    )
    expect(report.afterMs).toBeLessThanOrEqual(report.beforeMs * 1.5)
    const kept = report.artifact.metadata.schedules.filter(({ source }) => source === 'tuned')
    const wanted = report.tasks.filter((task) => task.kept)
    expect(kept.length > 0).toBe(wanted.length > 0)
    const session = await load(report.artifact)
    expectClose(await session.run(feeds), await runReference(network, feeds))
    await session.dispose()
    await report.artifact.dispose()
    const trials = events.filter(({ type }) => type === 'trial')
    // Each task's default configuration and its budget.
    expect(trials).toHaveLength(report.tasks.length * 3)
    expect(linesOf(records)).toHaveLength(trials.length)
    expect(events.filter(({ type }) => type === 'task-end')).toHaveLength(report.tasks.length)
  })

  test('goes on from its records: what was measured is not measured again', async () => {
    const before = linesOf(records)
    appendFileSync(records, (before[0] as string).slice(0, 80))
    const events: TuneEvent[] = []
    const report = await tune(model, {
      tuner: { task_budget: 3, records, runner: fast },
      onEvent: (event) => events.push(event),
    })
    expect(report.tasks.filter(({ kept }) => kept)).toHaveLength(report.best.length)
    await report.artifact.dispose()
    const trials = events.filter(({ type }) => type === 'trial')
    expect(trials).toHaveLength(report.tasks.length)
    expect(linesOf(records).slice(0, before.length)).toEqual(before)
    expect(linesOf(records)).toHaveLength(before.length + trials.length)
    for (const line of linesOf(records)) decodeRecord(line)
    expect(events).toContainEqual({
      type: 'warning',
      message: expect.stringContaining('cut off and dropped'),
    })
    const indices = linesOf(records).map((line) => {
      const record = decodeRecord(line)
      return `${JSON.stringify(record?.workload)} ${JSON.stringify(record?.config.entity)}`
    })
    expect(new Set(indices).size).toBe(indices.length)
  })

  test('an abort rejects with its reason within two seconds and leaves no process', () =>
    expectEndByAbort(model, { tuner: { task_budget: 50, runner: fast } }, { after: 'trial', delayMs: 0 }))
})

test('SIGINT ends the command within two seconds; records survive SIGKILL', {
  timeout: 120_000,
}, async () => {
  const records = join(scratch, 'killed.log')
  const args = [main, 'tune', model, '--task-budget', '64', '--records', records]
  for (const signal of ['SIGKILL', 'SIGINT'] as const) {
    const before = linesOf(records).length
    const child = spawn(process.execPath, args, { stdio: 'ignore' })
    while (linesOf(records).length < before + 8) await sleep(50)
    const engines = childrenOf(child.pid)
    expect(engines.length).toBeGreaterThan(1)
    const started = performance.now()
    child.kill(signal)
    await new Promise((resolve) => child.once('exit', resolve))
    expect(performance.now() - started).toBeLessThan(2000)
    while (engines.some((pid) => existsSync(`/proc/${pid}`)) && performance.now() - started < 10_000)
      await sleep(50)
    expect(engines.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([])
    for (const line of linesOf(records)) expect(decodeRecord(line)).toBeDefined()
  }
})

const faulty = { task: 'test.faulty', args: [['TENSOR', [64], 'float32']] }

test('a template of one’s own is tuned, its faulty configurations are records', {
  timeout: 60_000,
}, async () => {
  const records = join(scratch, 'own.log')
  const { tasks } = await tuneWorkloads([faulty], {
    target: 'llvm -mcpu=x86-64-v2',
    templates: [templateFile('faulty')],
    tuner: { task_budget: 6, mode: 'gridsearch', records, timeout: 3, runner: { ...fast, timeout: 3 } },
  })
  expect(tasks).toEqual([expect.objectContaining({ ended: 'exhausted', trials: 5, kept: false })])
  const errors = linesOf(records).map((line) => decodeRecord(line)?.error)
  // The good one, which is the default, then: throws, crashes, endless, hangs, ends its process.
  expect(errors.sort()).toEqual([0, 1, 2, 4, 6, 7])
})

test('a task without a valid trial is named, with its most frequent error', { timeout: 60_000 }, async () => {
  const events: TuneEvent[] = []
  const { tasks, best } = await tuneWorkloads([{ ...faulty, task: 'test.broken' }], {
    templates: [templateFile('broken')],
    tuner: { task_budget: 8, batch: 4, runner: fast },
    onEvent: (event) => events.push(event),
  })
  expect(best).toEqual([])
  expect(tasks[0]).toMatchObject({
    ended: 'failed',
    kept: false,
    failure: { error: 1, message: expect.stringContaining('never works') },
  })
  // The first batch was the last.
  expect(tasks[0]?.trials).toBe(2)
  expect(events).toContainEqual(expect.objectContaining({ type: 'task-end', reason: 'failed' }))
})

test.each([
  [{ task_budgets: 4 }, 'ERR_CONFIG', /did you mean 'task_budget'/],
  [{ task_budget: -1 }, 'ERR_CONFIG', /task_budget/],
  [{ mode: 'annealing' }, 'ERR_CONFIG', /mode/],
  [{ runner: { repeats: 1 } }, 'ERR_CONFIG', /repeat/],
  [{ records: '/nowhere/at/all.log' }, 'ERR_WRITE_FAILED', /nowhere/],
] as const)('settings %j are refused', async (tuner, code, text) => {
  await expect(tune(model, { tuner: tuner as never })).rejects.toThrow(
    expect.objectContaining({ code, message: expect.stringMatching(text) }),
  )
})
