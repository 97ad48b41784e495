import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { TvmBackend } from '#lib/backend/backend.js'
import type { BoardInput } from '#lib/boards/board.js'
import { tune } from '#lib/boards/tune.js'
import { readNpz, writeNpz } from '#lib/npz.js'
import { TrialError } from '#lib/schedule-config/record.js'
import type { TrialEvent } from '#lib/tuning/events.js'
import { largestDifference, network } from '../support/artifacts.js'
import { cli, main } from '../support/cli.js'
import { isRunning } from '../support/processes.js'
import { until } from '../support/rpc.js'
import { scratchFolder } from '../support/scratch.js'
import { Sshd } from '../support/sshd.js'

const SLOW = 180_000
const folder = scratchFolder()
const { model, inputs, outputs } = network('kws_dscnn')
const [name] = Object.keys(outputs) as [string]
let host: Sshd
beforeAll(async () => {
  host = await Sshd.start()
})
afterAll(() => host[Symbol.asyncDispose]())

function desk(more: Partial<BoardInput> = {}): BoardInput {
  return {
    name: 'desk',
    target: 'llvm -mcpu=x86-64-v2',
    ssh: {
      host: '127.0.0.1',
      port: host.port,
      identity: join(host.folder, 'id'),
      known_hosts: join(host.folder, 'known_hosts'),
    },
    server: `'${process.execPath}' '${main}' server --host 127.0.0.1 --json --key $KEY`,
    ...more,
  }
}

/** Processes of servers that were started over this test's sshd. */
function servers(): number[] {
  const all = execFileSync('ps', ['-eo', 'pid,ppid,args'], { encoding: 'utf8' })
  const found = all.split('\n').filter((line) => line.includes(`${main} server`) && !line.includes(' sh '))
  return found.map((line) => Number(line.trim().split(/\s+/)[0]))
}

test('a network runs on a board of which only the port of SSH is open', { timeout: SLOW }, async () => {
  await using backend = await TvmBackend.create({ board: desk() })
  expect(await backend.available()).toBe(true)
  await backend.prepare(model)
  const result = await backend.run(inputs)
  expect(largestDifference(result[name], outputs[name])).toBeLessThan(1e-4)
  const { metrics, profile } = await backend.profile(inputs)
  expect(metrics.latency_us).toBeGreaterThan(0)
  expect(profile.length).toBeGreaterThan(3)
})

test('the command line works there as it does here', { timeout: SLOW }, async () => {
  const board = join(folder, 'desk.yml')
  writeFileSync(board, stringify(desk()))
  const file = join(folder, 'model.tvm')
  const given = join(folder, 'inputs.npz')
  await writeNpz(given, inputs)
  const on = ['--board', board, '--json']
  const compiled = await cli(['compile', model, '-o', file, ...on])
  expect(compiled.json[0]).toMatchObject({ target: expect.stringContaining('x86-64-v2') })
  const written = join(folder, 'outputs.npz')
  const ran = await cli(['run', file, '--inputs', given, '--outputs', written, ...on])
  expect(ran.code).toBe(0)
  expect(largestDifference((await readNpz(written))[name], outputs[name])).toBeLessThan(1e-4)
  const [timed, profiled] = [
    await cli(['bench', file, '--runs', '3', ...on]),
    await cli(['profile', file, '--repeat', '2', ...on]),
  ]
  expect(timed.json[0].median_ms).toBeGreaterThan(0)
  expect(profiled.json[0].profile.length).toBeGreaterThan(3)
})

test('tuning uses all boards that are free, and one that restarts comes back', {
  timeout: SLOW,
}, async () => {
  const { ssh } = desk()
  const trials: TrialEvent[] = []
  let running: number[] = []
  const report = await tune(model, {
    board: desk({ ssh: [ssh, ssh].flatMap((each) => each ?? []) }),
    tuner: {
      name: 'autotvm',
      mode: 'random',
      task_budget: 1,
      equal_task_budget: true,
      records: join(folder, 'desk.log'),
      runner: { number: 1, repeat: 1, min_repeat_ms: 0 },
    },
    onEvent(event) {
      if (event.type !== 'trial') return
      trials.push(event)
      if (trials.length !== 3) return
      running = servers()
      process.kill(running[0] as number, 'SIGKILL')
    },
  })
  await using _ = report.artifact
  expect(running).toHaveLength(2)
  expect(trials.map(({ error }) => error)).toEqual(trials.map(() => TrialError.NONE))
  expect(report.artifact.metadata.target).toContain('x86-64-v2')
  await until(() => !running.some(isRunning))
})
