import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LocalBuilder } from '#lib/measure/local-builder.js'
import { measureBatch } from '#lib/measure/measure.js'
import { RpcRunner } from '#lib/measure/rpc-runner.js'
import type { BuildInput } from '#lib/measure/trial.js'
import { RpcServer } from '#lib/rpc/server.js'
import { Tracker } from '#lib/rpc/tracker.js'
import { TrialError } from '#lib/schedule-config/record.js'
import { untilFree } from '../support/rpc.js'

const templates = [fileURLToPath(new URL('../fixtures/templates/faulty.mjs', import.meta.url))]
const builder = new LocalBuilder({ timeout: 20, parallel: 2 })
let tracker: Tracker
const servers: RpcServer[] = []
const board = () => RpcServer.start({ port: 0, key: 'dev', tracker: tracker.address })
beforeAll(async () => {
  tracker = await Tracker.start({ port: 0 })
  servers.push(await board())
})
afterAll(async () => {
  await builder.dispose()
  for (const server of servers) await server.close()
  await tracker.close()
})

function input(behaviour: string): BuildInput {
  const workload = { task: 'test.faulty', args: [['TENSOR', [64], 'float32']] }
  const config = { index: 0, code_hash: null, entity: [['behaviour', 'ot', behaviour]] }
  return { kind: 'autotvm', target, templates, candidate: { workload, config } }
}
const target = 'llvm -mcpu=x86-64-v2'
const runnerFor = (options: object = {}) =>
  new RpcRunner({
    tracker: tracker.address,
    key: 'dev',
    target,
    number: 1,
    minRepeatMs: 0,
    timeout: 3,
    ...options,
  })

test('code that a board’s processor cannot run is refused before it is there', async () => {
  const runner = runnerFor({ target: 'llvm -mcpu=bdver4' })
  const trial = { path: '/none', args: [], elapsed: 0 }
  await expect(runner.run(trial)).rejects.toMatchObject({
    code: 'ERR_CPU_FEATURES',
    message: expect.stringMatching(/the CPU of the board at .* lacks .*xop/),
  })
  await runner.dispose()
  await untilFree(tracker.address, 'dev')
})

test('kernels that crash or never end cost their trial, and the board goes on', async () => {
  const runner = runnerFor()
  const behaviours = ['good', 'crash', 'endless', 'good']
  const results = await measureBatch(behaviours.map(input), { builder, runner })
  expect(results.map(({ error }) => error)).toEqual([
    TrialError.NONE,
    TrialError.RUNTIME_DEVICE,
    TrialError.RUN_TIMEOUT,
    TrialError.NONE,
  ])
  for (const { costs } of results.filter(({ error }) => error === TrialError.NONE)) {
    expect(costs).toHaveLength(1)
    expect(costs[0]).toBeGreaterThan(0)
  }
  await runner.dispose()
  await untilFree(tracker.address, 'dev')
})

test('a trial whose board restarts is repeated there', async () => {
  const runner = runnerFor()
  const measure = () => measureBatch([input('good')], { builder, runner })
  expect((await measure())[0]?.message).toBe('')
  await servers[0]?.close()
  servers[0] = await board()
  expect((await measure())[0]?.message).toBe('')
  await runner.dispose()
  await untilFree(tracker.address, 'dev')
})

test('without a board the batch fails, rather than its trials', async () => {
  const runner = runnerFor({ key: 'none', wait: 0.2 })
  await expect(measureBatch([input('good')], { builder, runner })).rejects.toMatchObject({
    code: 'ERR_TIMEOUT',
    message: expect.stringContaining('no such board'),
  })
  await runner.dispose()
})
