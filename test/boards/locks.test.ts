import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { TvmBackend } from '#lib/backend/backend.js'
import type { BoardInput } from '#lib/boards/board.js'
import { findBoard } from '#lib/boards/find.js'
import { openBoard } from '#lib/boards/open.js'
import { tune } from '#lib/boards/tune.js'
import { compile } from '#lib/compile/compile.js'
import { Sshd } from '../../scripts/soak/sshd.mjs'
import { freePort } from '../../scripts/steps/free-port.mjs'
import { largestDifference, network } from '../support/artifacts.js'
import { main } from '../support/cli.js'
import { hasPostgres, Postgres } from '../support/postgres.js'
import { until } from '../support/rpc.js'
import { scratchFolder } from '../support/scratch.js'

const SLOW = 180_000
const folder = scratchFolder()
const { model, inputs, outputs } = network('kws_dscnn')
const [output] = Object.keys(outputs) as [string]
const log = join(folder, 'commands')
const user = userInfo().username
const { HOME, XDG_CACHE_HOME } = process.env
let host: Sshd
/** Through which alone the database can be reached. */
let door: Sshd
let postgres: Postgres | undefined
let file = ''

beforeAll(async () => {
  host = await Sshd.start()
  door = await Sshd.start()
  // What TVM needs stays where it is.
  process.env.XDG_CACHE_HOME ??= join(HOME ?? '', '.cache')
  process.env.HOME = join(folder, 'home')
  const remote = await freePort()
  if (hasPostgres) postgres = await Postgres.start(remote)
  writeFileSync(join(door.folder, 'id.pub'), readFileSync(join(host.folder, 'id.pub')))
  const write = (path: string, content: string) => {
    mkdirSync(dirname(join(folder, 'home', path)), { recursive: true })
    writeFileSync(join(folder, 'home', path), content)
  }
  write('.ssh/known_hosts', [host, door].map((each) => `${each.name} ${each.hostKey}\n`).join(''))
  const local = await freePort()
  const automate = {
    identity: join(host.folder, 'id'),
    database: { host: '127.0.0.1', port: local, db: 'postgres', user: 'postgres' },
    forwards: [{ host: '127.0.0.1', user, port: door.port, local_port: local, remote_port: remote }],
  }
  write('.automate.yml', stringify({ automate }))
  write(
    '.automate/metadata/boards/farm/description.yml',
    stringify({
      name: 'farm',
      board: 'pc',
      rundir: '/tmp',
      connections: [{ host: '127.0.0.1', username: user, port: host.port }],
      os: { triple: { machine: 'x86_64' }, distribution: 'debian', release: '12', description: '' },
    }),
  )
  file = join(folder, 'model.tvm')
  await using artifact = await compile(model, { target: 'llvm -mcpu=x86-64-v2' })
  await artifact.save(file)
})
afterAll(async () => {
  process.env.HOME = HOME
  if (XDG_CACHE_HOME === undefined) delete process.env.XDG_CACHE_HOME
  await host?.end()
  await door?.end()
  await postgres?.[Symbol.asyncDispose]()
})

const lockFile = '/var/tmp/tvm-node-locks/locked-desk.lock'
const ways = [
  {
    where: "automate's table, behind a forward (needs Postgres)",
    missing: !hasPostgres,
    description: () => ({ ...findBoard('farm'), target: 'llvm -mcpu=x86-64-v2' }),
    holder: () =>
      postgres?.query("select user_id from locks where board_name = 'farm' and lease > now()") || undefined,
    /** The store is away for some seconds, beginning now. */
    interrupt: async () => {
      await door.kill()
      await Promise.all([postgres?.restart(1000), door.run()])
    },
  },
  {
    where: 'the board itself',
    missing: false,
    description: (): BoardInput => ({
      name: 'locked-desk',
      target: 'llvm -mcpu=x86-64-v2',
      ssh: host.description(),
    }),
    holder: () => {
      const [owner = ''] = existsSync(lockFile) ? readFileSync(lockFile, 'utf8').split(' ') : []
      return owner.trim() || undefined
    },
    interrupt: async () => {
      await host.kill()
      await new Promise((resolve) => setTimeout(resolve, 2000))
      await host.run()
    },
  },
] as const

const note = (what: string) => `echo ${what} >> ${log}`
/** What was noted since the last question. */
function noted(): string[] {
  const lines = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []
  rmSync(log, { force: true })
  return lines
}
const noting = {
  setup: [note('one'), note('two')],
  teardown: [note('undo'), note('last')],
  server: `${note('serve')}; exec '${process.execPath}' '${main}' server --host 127.0.0.1 --json --key $KEY`,
}
const whole = ['one', 'two', 'serve', 'undo', 'last']
/** What the name of every owner in this process has. */
const mine = `:${process.pid}:`

beforeEach(() => void noted())

describe.each(ways.filter(({ missing }) => !missing))(
  'a lock in $where',
  ({ description, holder, interrupt }) => {
    const board = (more: Partial<BoardInput> = {}): BoardInput => ({ ...description(), ...noting, ...more })

    test('is held through a run and given back after it', { timeout: SLOW }, async () => {
      const backend = await TvmBackend.create({ board: board() })
      await backend.prepare(model)
      expect(holder()).toContain(mine)
      expect(largestDifference((await backend.run(inputs))[output], outputs[output])).toBeLessThan(1e-4)
      await backend.profile(inputs, { repeat: 2 })
      expect(holder()).toContain(mine)
      await backend.dispose()
      expect(holder()).toBeUndefined()
      expect(noted()).toEqual(whole)
    })

    test('is given back after a failure of each kind', { timeout: SLOW }, async () => {
      await expect(
        openBoard(findBoard(board({ setup: [note('one'), 'exit 5'] }))).take(),
      ).rejects.toMatchObject({
        details: { phase: 'setup' },
      })
      expect(holder()).toBeUndefined()
      expect(noted()).toEqual(['one', 'undo', 'last'])

      await using used = openBoard(findBoard(board()))
      await used.upload(file)
      expect(holder()).toContain(mine)
      await host.killServers(main)
      await expect(used.run(inputs)).rejects.toMatchObject({
        code: 'ERR_BOARD',
        details: { phase: 'measure' },
      })
      expect(used.state).toBe('idle')
      expect(holder()).toBeUndefined()
      expect(noted()).toEqual(whole)

      // The same board in use again, and a reset of it.
      await used.upload(file)
      await used.reset()
      expect(holder()).toContain(mine)
      await used.upload(file)
      expect(largestDifference((await used.run(inputs))[output], outputs[output])).toBeLessThan(1e-4)
      await used.close()
      expect(holder()).toBeUndefined()
      expect(noted()).toEqual(['one', 'two', 'serve', 'serve', 'undo', 'last'])
    })

    test('is given back after an abort in the middle of a run', { timeout: SLOW }, async () => {
      await using used = openBoard(findBoard(board()))
      await used.upload(file)
      const controller = new AbortController()
      const reason = new Error('enough')
      const running = (async () => {
        for (;;) await used.run(inputs, { signal: controller.signal })
      })()
      setTimeout(() => controller.abort(reason), 100)
      await expect(running).rejects.toBe(reason)
      expect(holder()).toBeUndefined()
      expect(noted()).toEqual(whole)
      expect(host.servers(main)).toEqual([])
    })

    test('is given back also by a taking that was aborted while it went on', { timeout: SLOW }, async () => {
      const used = openBoard(findBoard(board()))
      for (const ms of [5, 30, 60, 100, 200]) {
        const signal = AbortSignal.timeout(ms)
        await used.take({ signal }).catch((error) => expect(error).toBe(signal.reason))
        await used.release()
        expect(holder()).toBeUndefined()
      }
      noted()
    })

    test('is given back although its store was away when that was due', { timeout: SLOW }, async () => {
      await using used = openBoard(findBoard(board({ setup: [], teardown: [] })))
      await used.upload(file)
      const away = interrupt()
      const begun = performance.now()
      await Promise.all([used.close(), away])
      expect(holder()).toBeUndefined()
      // Not by the end of its lease.
      expect(performance.now() - begun).toBeLessThan(40_000)
      noted()
    })
  },
)

test.skipIf(!hasPostgres)('a lock is held through tuning (needs Postgres)', { timeout: SLOW }, async () => {
  const [{ description, holder }] = ways
  const seen = new Set<string | undefined>()
  const runner = { number: 1, repeat: 1, min_repeat_ms: 0 }
  const settings = {
    name: 'autotvm',
    mode: 'random',
    task_budget: 1,
    records: `${file}.log`,
  } as const
  const report = await tune(model, {
    board: { ...description(), ...noting },
    tuner: { ...settings, runner },
    onEvent: ({ type }) => type === 'trial' && seen.add(holder()),
  })
  await report.artifact.dispose()
  expect([...seen]).toEqual([expect.stringContaining(mine)])
  expect(holder()).toBeUndefined()
  expect(noted()).toEqual(whole)
})

test('a lease has the length that the description gives it', { timeout: SLOW }, async () => {
  const board = { ...ways[1].description(), server: noting.server }
  await using used = openBoard(findBoard({ ...board, lease: '2m' }))
  await used.take()
  expect(readFileSync(lockFile, 'utf8')).toMatch(/^\S+ 12000 /)
  await used.release()
  expect(() => openBoard(findBoard({ ...board, lease: '5' }))).toThrow(/lease must be at least 20s, got 5/)
  expect(() => findBoard({ ...board, lease: 'long' })).toThrow(
    /lease: must be a number with 's', 'm', 'h' or 'd'/,
  )
  noted()
})

test('a board that its last command restarts is left to its lease, without an error', {
  timeout: SLOW,
}, async () => {
  const restarting = join(folder, 'restarting')
  const used = openBoard(
    findBoard({
      ...ways[1].description(),
      server: noting.server,
      teardown: [`touch ${restarting}; sleep 30`],
    }),
  )
  await used.take()
  const closing = used.close()
  await until(() => existsSync(restarting))
  await host.kill()
  await closing
  expect(ways[1].holder()).toContain(mine)
  rmSync(lockFile)
  await host.run()
})
