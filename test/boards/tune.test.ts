import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { TvmBackend } from '#lib/backend/backend.js'
import { tune } from '#lib/boards/tune.js'
import { RpcServer } from '#lib/rpc/server.js'
import { Tracker } from '#lib/rpc/tracker.js'
import { TrialError } from '#lib/schedule-config/record.js'
import { load } from '#lib/session/load.js'
import type { TrialEvent } from '#lib/tuning/events.js'
import { largestDifference, network } from '../support/artifacts.js'
import { untilFree } from '../support/rpc.js'
import { scratchFolder } from '../support/scratch.js'

const SLOW = 180_000
const folder = scratchFolder()
const { model, inputs, outputs } = network('kws_dscnn')
const [name] = Object.keys(outputs) as [string]
let tracker: Tracker
const servers: RpcServer[] = []
const serve = () => RpcServer.start({ port: 0, key: 'desk', tracker: tracker.address })
const desk = () => ({
  name: 'desk',
  target: 'llvm -mcpu=x86-64-v2',
  tracker: `127.0.0.1:${tracker.address.port}`,
})
beforeAll(async () => {
  tracker = await Tracker.start({ port: 0 })
  servers.push(await serve(), await serve())
  await untilFree(tracker.address, 'desk', 2)
})
afterAll(async () => {
  for (const server of servers) await server.close()
  await tracker.close()
})
const tuner = { name: 'autotvm', mode: 'random', task_budget: 2, equal_task_budget: true } as const

test('a network is tuned on two boards, one of which restarts meanwhile', { timeout: SLOW }, async () => {
  const trials: TrialEvent[] = []
  let restarted: Promise<void> | undefined
  const restart = async () => {
    await servers[0]?.close()
    servers[0] = await serve()
  }
  const report = await tune(model, {
    board: desk(),
    tuner: {
      ...tuner,
      records: join(folder, 'desk.log'),
      runner: { number: 1, repeat: 1, min_repeat_ms: 0 },
    },
    onEvent(event) {
      if (event.type !== 'trial') return
      trials.push(event)
      if (trials.length === 3) restarted = restart()
    },
  })
  await restarted
  await using artifact = report.artifact
  expect(trials.length).toBeGreaterThan(report.tasks.length)
  expect(trials.map(({ error }) => error)).toEqual(trials.map(() => TrialError.NONE))
  expect(report.afterMs).toBeLessThanOrEqual(report.beforeMs * 1.5)
  expect(artifact.metadata.target).toContain('x86-64-v2')
  await using session = await load(artifact)
  expect(largestDifference((await session.run(inputs))[name], outputs[name])).toBeLessThan(1e-4)
  await untilFree(tracker.address, 'desk', 2)
})

test('a board that its tracker does not know is named at once', async () => {
  const board = { ...desk(), name: 'nowhere' }
  await expect(tune(model, { board, tuner })).rejects.toMatchObject({
    code: 'ERR_BOARD',
    message: expect.stringContaining("no board 'nowhere'"),
  })
  await expect(tune(model, { board, target: 'llvm', tuner })).rejects.toMatchObject({
    code: 'ERR_INVALID_ARGUMENT',
  })
})

test('a backend tunes on its board and runs there', { timeout: SLOW }, async () => {
  const runner = { number: 1, repeat: 1, min_repeat_ms: 0 }
  await using backend = await TvmBackend.create({
    board: desk(),
    tuner: { ...tuner, task_budget: 1, runner },
  })
  await backend.prepare(model)
  expect(largestDifference((await backend.run(inputs))[name], outputs[name])).toBeLessThan(1e-4)
})
