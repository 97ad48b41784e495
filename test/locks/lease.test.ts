import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HostLocks, type RunCommand } from '#lib/locks/host-locks.js'
import { Lease } from '#lib/locks/lease.js'
import type { Holder, LockStore } from '#lib/locks/lock-store.js'
import { PostgresLocks } from '#lib/locks/postgres-locks.js'
import { SshConnection } from '#lib/ssh/connection.js'
import { Sshd } from '../../scripts/soak/sshd.mjs'
import { hasPostgres, Postgres } from '../support/postgres.js'
import { until } from '../support/rpc.js'
import { scratchFolder } from '../support/scratch.js'
import { smallDisk } from '../support/small-disk.js'
import { hasTool } from '../support/tools.js'

const folder = scratchFolder()
const script = fileURLToPath(new URL('../fixtures/lock-client.mjs', import.meta.url))
let postgres: Postgres | undefined
let sshd: Sshd
const sshConnections: SshConnection[] = []
beforeAll(async () => {
  sshd = await Sshd.start()
  if (hasPostgres) postgres = await Postgres.start()
})
afterAll(async () => {
  for (const ssh of sshConnections) await ssh.close()
  await sshd[Symbol.asyncDispose]()
  await postgres?.[Symbol.asyncDispose]()
})

/** Runs commands on this machine by a shell. */
function shell([program = 'sh', ...args]: readonly string[]): RunCommand {
  return (command, { signal } = {}) =>
    new Promise((resolve, reject) => {
      execFile(program, [...args, '-c', command], { signal }, (error, stdout, stderr) => {
        if (signal?.aborted) reject(signal.reason)
        else resolve({ code: error ? Number(error.code) : 0, stdout, stderr })
      })
    })
}

interface Store {
  readonly name: string
  readonly missing?: boolean
  /** What a process of its own opens. */
  readonly settings: () => object
  readonly open: () => Promise<LockStore>
  /** How many times as long it takes as the others. */
  readonly slow?: number
}
const onHost = (...command: string[]): Store => ({
  name: `the host itself, by ${command.join(' ')}`,
  missing: !hasTool(command[0] as string),
  settings: () => ({ folder: join(folder, command.join('-')), shell: command }),
  open: async () => new HostLocks(shell(command), join(folder, command.join('-'))),
})
const stores: readonly Store[] = [
  {
    name: "automate's table (needs Postgres)",
    missing: !hasPostgres,
    settings: () => ({ postgres: settingsOf(postgres as Postgres) }),
    open: () => PostgresLocks.open(settingsOf(postgres as Postgres)),
  },
  onHost('sh'),
  onHost('busybox', 'sh'),
  {
    name: 'a host reached by SSH',
    // sshd starts the user's shell for each command.
    slow: 10,
    settings: () => ({ folder: join(folder, 'ssh'), ssh: sshd.target }),
    open: async () => {
      const ssh = await SshConnection.connect(sshd.target)
      sshConnections.push(ssh)
      return new HostLocks((command, limits) => ssh.exec(command, limits), join(folder, 'ssh'))
    },
  },
]
const settingsOf = ({ host, db, user }: Postgres) => ({ host, db, user })

describe.each(stores.filter(({ missing }) => !missing))(
  'locks in $name',
  ({ name, settings, open, slow = 1 }) => {
    let store: LockStore
    beforeAll(async () => {
      store = await open()
    })
    const children: ChildProcess[] = []
    afterAll(async () => {
      for (const child of children) child.kill('SIGKILL')
      await store[Symbol.asyncDispose]()
    })

    function start(options: object): { child: ChildProcess; lines: Interface } {
      const child = spawn(process.execPath, [script, JSON.stringify({ store: settings(), ...options })], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      children.push(child)
      return { child, lines: createInterface(child.stdout as NodeJS.ReadableStream) }
    }
    async function startHolder(board: string, leaseMs: number) {
      const holder = start({ board, leaseMs })
      expect(await once(holder.lines, 'line')).toEqual(['held'])
      return holder
    }

    test('one takes, others hear of it, and who holds may take and renew', async () => {
      expect(await store.holder('steps')).toBeUndefined()
      expect(await store.take('steps', 'alice', 60_000)).toBeUndefined()
      const seen = (await store.take('steps', 'bob', 60_000)) as Holder
      expect(seen.owner).toBe('alice')
      expect(seen.leftMs).toBeGreaterThan(50_000)
      expect(seen.leftMs).toBeLessThanOrEqual(60_000)
      expect(await store.renew('steps', 'bob', 60_000)).toBe(false)
      expect(await store.renew('steps', 'alice', 120_000)).toBe(true)
      // Never shorter.
      expect(await store.take('steps', 'alice', 1000)).toBeUndefined()
      expect(await store.renew('steps', 'alice', 1000)).toBe(true)
      expect((await store.holder('steps'))?.leftMs).toBeGreaterThan(100_000)
      await store.release('steps', 'bob')
      expect((await store.holder('steps'))?.owner).toBe('alice')
      await store.release('steps', 'alice')
      expect(await store.holder('steps')).toBeUndefined()
      expect(await store.renew('steps', 'alice', 1000)).toBe(false)
    })

    test('a lease that ran out is gone: another takes the board, its holder cannot renew', async () => {
      await store.take('expired', 'alice', 200 * slow)
      await sleep(250 * slow)
      expect(await store.holder('expired')).toBeUndefined()
      expect(await store.renew('expired', 'alice', 60_000)).toBe(false)
      expect(await store.take('expired', 'bob', 60_000)).toBeUndefined()
      await store.release('expired', 'alice')
      expect((await store.take('expired', 'alice', 60_000))?.owner).toBe('bob')
    })

    test('names of boards are taken as they are', async () => {
      const names = [`it's; rm -rf "$HOME" $(exit)`, '../up', 'ä b%', '-n']
      for (const board of names)
        expect(await store.take(board, board.length.toString(), 60_000)).toBeUndefined()
      for (const board of names) expect((await store.holder(board))?.owner).toBe(board.length.toString())
    })

    test('of those who take at once one succeeds', async () => {
      for (let round = 0; round < 10 / slow; round++) {
        const owners = Array.from({ length: 8 }, (_, i) => `owner${i}`)
        const answers = await Promise.all(owners.map((owner) => store.take(`race${round}`, owner, 60_000)))
        const winners = owners.filter((_, i) => answers[i] === undefined)
        expect(winners).toHaveLength(1)
        for (const answer of answers) if (answer) expect(answer.owner).toBe(winners[0])
      }
    })

    test('processes that contend hundreds of times are never inside together', async () => {
      const rounds = 150 / slow
      const inside = join(folder, `inside-${name.replace(/\W/g, '')}`)
      const both = [0, 1].map(() => start({ board: 'contended', leaseMs: 10_000, rounds, inside }))
      expect(await Promise.all(both.map(({ child }) => once(child, 'exit')))).toEqual([
        [0, null],
        [0, null],
      ])
    })

    test('a lease outlives its length while its holder lives', async () => {
      const leaseMs = slow > 1 ? 6000 : 1500
      await using lease = await Lease.acquire(store, 'renewed', { leaseMs })
      await sleep(2.2 * leaseMs)
      expect(lease.lost.aborted).toBe(false)
      expect((await store.holder('renewed'))?.owner).toBe(lease.owner)
      await lease.release()
      expect(await store.holder('renewed')).toBeUndefined()
    })

    test('a board of a holder that is killed is free within its lease', async () => {
      const { child } = await startHolder('killed', 2000)
      child.kill('SIGKILL')
      const begun = performance.now()
      await using lease = await Lease.acquire(store, 'killed', { leaseMs: 2000, timeoutMs: 20_000 })
      // Waiting is over soon after the lease is.
      expect(performance.now() - begun).toBeLessThan(2000 + 1000 * slow)
      expect(lease.lost.aborted).toBe(false)
    })

    test('a holder that stood still hears that its lease is lost', async () => {
      const { child, lines } = await startHolder('frozen', Math.max(2000, 300 * slow))
      child.kill('SIGSTOP')
      await using lease = await Lease.acquire(store, 'frozen', { leaseMs: 10_000, timeoutMs: 20_000 })
      const heard = once(lines, 'line')
      child.kill('SIGCONT')
      expect(await heard).toEqual(['ERR_LEASE_LOST'])
      expect((await store.holder('frozen'))?.owner).toBe(lease.owner)
    })

    test('who waits in vain hears who holds the board and until when', async () => {
      await using _held = await Lease.acquire(store, 'busy', { leaseMs: 60_000 })
      const told: Holder[] = []
      const options = { timeoutMs: 700 * slow, pollMs: 50, onWait: (holder: Holder) => told.push(holder) }
      const error = await Lease.acquire(store, 'busy', options).catch((reason) => reason)
      expect(error).toMatchObject({
        code: 'ERR_BOARD_BUSY',
        message: expect.stringContaining(`is held by ${_held.owner}, until`),
        details: { board: 'busy', owner: _held.owner },
      })
      expect(told.map(({ owner }) => owner)).toEqual([_held.owner])
      const controller = new AbortController()
      setTimeout(() => controller.abort(new Error('enough')), 100)
      const given = Lease.acquire(store, 'busy', { signal: controller.signal, timeoutMs: 10_000 })
      await expect(given).rejects.toThrow('enough')
    })
  },
)

describe.skipIf(!hasPostgres)('with Postgres', () => {
  const open = () => PostgresLocks.open(settingsOf(postgres as Postgres))

  test('what automate writes is respected, and it reads what we write', async () => {
    await using locks = await open()
    await locks.holder('any')
    const sql = (text: string) => (postgres as Postgres).query(text)
    sql(
      "insert into locks (board_name, user_id, lease) values ('theirs', 'carol', now() + interval '1 hour')",
    )
    expect((await locks.take('theirs', 'me', 1000))?.owner).toBe('carol')
    sql("update locks set lease = now() - interval '1 second' where board_name = 'theirs'")
    expect(await locks.take('theirs', 'me', 60_000)).toBeUndefined()
    expect(sql("select user_id, lease > now() from locks where board_name = 'theirs'")).toBe('me|t')
  })

  test('a lease outlasts a database that is away for a while, and is lost with one that stays away', async () => {
    await using own = await Postgres.start()
    await using locks = await PostgresLocks.open(settingsOf(own))
    const lease = await Lease.acquire(locks, 'away', { leaseMs: 6000 })
    await own.restart(2500)
    await sleep(4000)
    expect(lease.lost.aborted).toBe(false)
    expect((await locks.holder('away'))?.owner).toBe(lease.owner)
    await own.stop('SIGQUIT')
    await until(() => lease.lost.aborted, 7000)
    expect(lease.lost.reason).toMatchObject({ code: 'ERR_LEASE_LOST', cause: { code: 'ERR_CONNECTION' } })
    await expect(locks.holder('away')).rejects.toMatchObject({ code: 'ERR_CONNECTION' })
  })

  test('a database that refuses is told of', async () => {
    await using locks = await PostgresLocks.open({ ...settingsOf(postgres as Postgres), db: 'none' })
    await expect(Lease.acquire(locks, 'x')).rejects.toMatchObject({ code: 'ERR_LOCK_STORE' })
  })
})

test('a host without a folder to write to is told of', async () => {
  const locks = new HostLocks(shell(['sh']), '/proc/none')
  await expect(Lease.acquire(locks, 'x')).rejects.toMatchObject({
    code: 'ERR_LOCK_STORE',
    message: expect.stringContaining('cannot be opened'),
  })
})

const small = smallDisk(folder, 16)
test.skipIf(!small)('on a full disk what is held stays held (needs the right to mount)', async () => {
  const locks = new HostLocks(shell(['sh']), small as string)
  await using lease = await Lease.acquire(locks, 'held', { leaseMs: 3000 })
  expect(() => writeFileSync(join(small as string, 'rest'), Buffer.alloc(1e6))).toThrow('ENOSPC')
  await sleep(4000)
  expect(lease.lost.aborted).toBe(false)
  expect((await locks.take('held', 'other', 1000))?.owner).toBe(lease.owner)
  const error = await Lease.acquire(locks, 'another').catch((reason) => reason)
  expect(error).toMatchObject({ code: 'ERR_LOCK_STORE' })
  await lease.release()
  expect(await locks.holder('held')).toBeUndefined()
})
