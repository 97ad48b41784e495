// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of CMake.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, homedir, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { TvmBackend } from '#lib/backend/backend.js'
import type { BoardInput } from '#lib/boards/board.js'
import { findBoard } from '#lib/boards/find.js'
import { openBoard } from '#lib/boards/open.js'
import type { SshHostConfig } from '#lib/boards/ssh-host.js'
import { tune } from '#lib/boards/tune.js'
import { compile } from '#lib/compile/compile.js'
import { readNpz, writeNpz } from '#lib/npz.js'
import { TrialError } from '#lib/schedule-config/record.js'
import type { TrialEvent } from '#lib/tuning/events.js'
import { Sshd } from '../../scripts/soak/sshd.mjs'
import { largestDifference, network } from '../support/artifacts.js'
import { cli, main, startCli } from '../support/cli.js'
import { isRunning } from '../support/processes.js'
import { until } from '../support/rpc.js'
import { scratchFolder } from '../support/scratch.js'

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

/** Starts a command with locks of its own, as on a machine of its own; that takes the right to mount. */
const apart = ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs none /var/tmp && exec "$@"', 'sh']
const mayMount = spawnSync(apart[0] as string, [...apart.slice(1), 'true']).status === 0

test.skipIf(!mayMount)(
  'a network is tuned on boards that come, fail, restart and come back (needs the right to mount)',
  {
    timeout: 2 * SLOW,
  },
  async () => {
    const mine = desk().ssh as SshHostConfig
    const trials: TrialEvent[] = []
    let killed: number[] = []
    let restarted: Promise<void> | undefined
    await using other = await Sshd.start({ before: apart })
    const restart = async () => {
      await other.kill()
      await other.run()
    }
    const sessionsOf = ({ log }: Sshd) => log.match(/Accepted publickey/g)?.length ?? 0
    const before = sessionsOf(host)
    const report = await tune(model, {
      board: desk({ ssh: [{ ...mine, port: 1 }, mine, other.description()] }),
      tuner: {
        name: 'autotvm',
        mode: 'random',
        task_budget: 2,
        equal_task_budget: true,
        records: join(folder, 'desk.log'),
        runner: { number: 1, repeat: 1, min_repeat_ms: 0 },
      },
      onEvent(event) {
        if (event.type !== 'trial') return
        trials.push(event)
        if (trials.length === 3) {
          killed = host.servers(main)
          for (const pid of killed) process.kill(pid, 'SIGKILL')
        }
        if (trials.length === 6) restarted = restart()
      },
    })
    await restarted
    await using _ = report.artifact
    expect(killed).toHaveLength(1)
    expect(trials.map(({ error }) => error)).toEqual(trials.map(() => TrialError.NONE))
    expect(report.artifact.metadata.target).toContain('x86-64-v2')
    // Both had been in use and came back.
    expect(sessionsOf(host) - before).toBeGreaterThan(1)
    expect(sessionsOf(other)).toBeGreaterThan(1)
    expect([...host.servers(main), ...other.servers(main)]).toEqual([])
  },
)

test('a board is one run’s at a time, and free again after it', { timeout: SLOW }, async () => {
  const artifact = await compile(model, { target: 'llvm -mcpu=x86-64-v2' })
  const [first, second] = [openBoard(findBoard(desk())), openBoard(findBoard(desk()))]
  try {
    await first.upload(artifact)
    expect(await second.available()).toMatchObject({ available: false, busy: true })
    await expect(second.upload(artifact, { timeoutMs: 2000 })).rejects.toMatchObject({
      code: 'ERR_BOARD_BUSY',
      message: expect.stringContaining(`:${process.pid}:`),
    })
    await first.close()
    expect(await second.available()).toEqual({ available: true })
    await second.upload(artifact)
  } finally {
    await first.close()
    await second.close()
    await artifact.dispose()
  }
})

test('commands before and after: in order, also when one fails', { timeout: SLOW }, async () => {
  const log = join(folder, 'commands')
  const note = (what: string) => `echo ${what} >> ${log}`
  const server = `${note('serve')}; exit 3`
  const board = openBoard(
    findBoard(desk({ setup: [note('one'), note('two')], teardown: [note('last')], server })),
  )
  await expect(board.take()).rejects.toMatchObject({
    code: 'ERR_BOARD',
    message: expect.stringContaining('ended with status 3'),
  })
  expect(readFileSync(log, 'utf8')).toBe('one\ntwo\nserve\nlast\n')
  expect(await board.available()).toEqual({ available: true })
  const failing = openBoard(findBoard(desk({ setup: ['echo no >&2; exit 5'], teardown: [note('after')] })))
  await expect(failing.take()).rejects.toMatchObject({
    code: 'ERR_BOARD',
    message: expect.stringMatching(/phase 'setup'.*status 5: no/),
    details: { phase: 'setup', code: 'ERR_REMOTE' },
  })
  expect(readFileSync(log, 'utf8')).toMatch(/after\n$/)
})

test('a client that is killed leaves nothing on the board', { timeout: SLOW }, async () => {
  const file = join(folder, 'killed.tvm')
  const artifact = await compile(model, { target: 'llvm -mcpu=x86-64-v2' })
  await artifact.save(file)
  await artifact.dispose()
  const description = join(folder, 'killed.yml')
  writeFileSync(description, stringify(desk()))
  const { child, result } = startCli(['bench', file, '--runs', '100000', '--board', description])
  await until(() => host.servers(main).length > 0)
  const [server] = host.servers(main) as [number]
  child.kill('SIGKILL')
  await result
  await until(() => !isRunning(server))
})

test('code that the board’s processor cannot run is refused, and the board stays', {
  timeout: SLOW,
}, async () => {
  await using board = openBoard(findBoard(desk()))
  for (const [target, message] of [
    ['llvm -mtriple=aarch64-linux-gnu', /needs a processor of type arm64, board 'desk' has x64/],
    ['llvm -mcpu=bdver4', /the CPU of board 'desk' lacks .*xop/],
  ] as const) {
    const artifact = await compile(model, { target })
    await expect(board.upload(artifact)).rejects.toMatchObject({
      code: 'ERR_CPU_FEATURES',
      message: expect.stringMatching(message),
    })
    await artifact.dispose()
  }
  expect(board.state).toBe('ready')
})

test('tuning is refused on a board whose processor cannot run the code, whatever its server is', {
  timeout: SLOW,
}, async () => {
  const board = desk({
    target: 'llvm -mtriple=aarch64-linux-gnu',
    server: 'echo bind to 127.0.0.1:1; exec sleep 60',
  })
  await expect(tune(model, { board, tuner: { name: 'autotvm' } })).rejects.toMatchObject({
    code: 'ERR_CPU_FEATURES',
    message: expect.stringMatching(/needs a processor of type arm64, board 'desk' has x64/),
  })
  expect(await openBoard(findBoard(desk())).available()).toEqual({ available: true })
})

test('a probe tells what a board has', { timeout: SLOW }, async () => {
  const path = join(folder, 'probed.yml')
  writeFileSync(path, stringify(desk()))
  const { json, code } = await cli(['boards', 'probe', path, '--json'])
  expect(code).toBe(0)
  expect(json[0]).toMatchObject({
    board: 'desk',
    architecture: process.arch,
    cores: availableParallelism(),
    features: expect.arrayContaining(['sse4.2']),
    system: expect.stringContaining('Linux'),
    missing: [],
  })
  expect(json[0].memory_bytes).toBe(totalmem())
  const local = await cli(['boards', 'probe', 'local_cpu', '--json'])
  expect(local.json[0]).toMatchObject({ host: 'this machine', features: json[0].features })
  const unknown = await cli(['boards', 'probe', 'rpi44', '--json'])
  expect(unknown.stderr).toContain("did you mean 'rpi4'")
})

test('the runtime is rebuilt on the board before its server starts', { timeout: SLOW }, async () => {
  const sources = join(folder, 'tvm')
  const write = (name: string, text: string) => {
    mkdirSync(dirname(join(sources, name)), { recursive: true })
    writeFileSync(join(sources, name), text)
  }
  write('cmake/config.cmake', 'set(USE_CUDA OFF)\nset(USE_OPENCL OFF)\n')
  write(
    'CMakeLists.txt',
    'cmake_minimum_required(VERSION 3.10)\nproject(tvm NONE)\ninclude(${CMAKE_BINARY_DIR}/config.cmake)\n' +
      'file(WRITE ${CMAKE_BINARY_DIR}/flags "opencl ${USE_OPENCL} cuda ${USE_CUDA}")\nadd_custom_target(runtime)\n',
  )
  write('build/old', '')
  const seen = join(folder, 'seen')
  const rebuilt = desk({
    rebuild_runtime: true,
    opencl: true,
    server: `cat "$TVM_LIBRARY_PATH/flags" > ${seen}; ls "$TVM_HOME/build" >> ${seen}; exit 1`,
  })
  const { TVM_HOME } = process.env
  try {
    process.env.TVM_HOME = sources
    const board = openBoard(findBoard(rebuilt))
    await expect(board.take()).rejects.toMatchObject({
      message: expect.stringContaining('ended with status 1'),
    })
    expect(readFileSync(seen, 'utf8')).toMatch(/^opencl ON cuda OFF/)
    expect(readFileSync(seen, 'utf8')).not.toContain('old')
    process.env.TVM_HOME = folder
    await expect(openBoard(findBoard(rebuilt)).take()).rejects.toMatchObject({
      details: { phase: 'rebuild', code: 'ERR_CONFIG' },
    })
  } finally {
    if (TVM_HOME === undefined) delete process.env.TVM_HOME
    else process.env.TVM_HOME = TVM_HOME
    rmSync(join(homedir(), '.tvm-node'), { recursive: true, force: true })
  }
})
