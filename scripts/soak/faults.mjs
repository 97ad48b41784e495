// Has boards fail in the middle of their use, over and over, and looks at how that ends: with a code, in time, and with the board free
// afterwards, which is when another has taken it and run a network there. The boards are of this machine: behind a tracker, and behind
// an sshd of its own. What needs rights or tools that are not there is left out and named.
//
// usage: npm run soak:faults -- [--rounds 50] [--batch 5] [--only NAME,NAME] [--json]
//   --batch  rounds at once, of faults that take long to be noticed
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { readArguments, report } from '../../bench/support.mjs'
import { find as findBoard } from '../../dist/boards/index.js'
import { openBoard } from '../../dist/boards/open.js'
import { compile } from '../../dist/compile/compile.js'
import { isTvmNodeError } from '../../dist/errors.js'
import { HostLocks } from '../../dist/locks/host-locks.js'
import { isReachable } from '../../dist/rpc/reachable.js'
import { RemoteSession } from '../../dist/rpc/remote-session.js'
import { queryTracker } from '../../dist/rpc/tracker-client.js'
import { readArtifact } from '../../dist/session/artifact.js'
import { sampleInputs } from '../../dist/session/sample-inputs.js'
import { endService, startService, until } from './services.mjs'
import { Sshd } from './sshd.mjs'

const options = readArguments({ rounds: 50, batch: 5, only: '' })
const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const CLIENT = fileURLToPath(new URL('fault-client.mjs', import.meta.url))
const MODEL = fileURLToPath(new URL('../../test/fixtures/models/kws_dscnn/model.onnx', import.meta.url))
const KEY = 'fault'
/** Milliseconds: for an error to come; for the board to be free, a lease and what taking it costs. */
const [NOTICED, FREE] = [30_000, 90_000]
/** Milliseconds for what no fault is about: for a client to start, for a network to be brought to a board and run. */
const [START, USE] = [120_000, 120_000]
const KILOBYTES = 16

const folder = mkdtempSync(join(tmpdir(), 'tvm-node-faults-'))
const artifact = join(folder, 'model.tvm')
const compiled = await compile(MODEL, { target: 'llvm' })
await compiled.save(artifact)
await compiled.dispose()
const inputs = sampleInputs((await readArtifact(artifact)).metadata.inputs)
const cleanups = [() => rmSync(folder, { recursive: true, force: true })]

const desk = (sshd, number) => ({
  name: `fault-desk-${number}`,
  target: 'llvm',
  ssh: sshd.description(),
  server: `exec '${process.execPath}' '${MAIN}' server --host 127.0.0.1 --json --key $KEY`,
})

/** The codes of an error and of what caused it, from the outside in. */
function codes(error) {
  if (!isTvmNodeError(error)) return `none: ${error}`
  return isTvmNodeError(error.cause) ? `${error.code} < ${codes(error.cause)}` : error.code
}

/** Takes a board, runs a network there, and gives it back; when it was taken. */
async function useOnce(board) {
  const connection = openBoard(findBoard(board))
  try {
    await connection.take()
    const taken = performance.now()
    await connection.upload(artifact)
    await connection.run(inputs)
    return taken
  } finally {
    await connection.close()
  }
}

/** Takes the board as another does; when it was free. */
const nextUse = (board) => within(useOnce(board), FREE + USE, 'the board is not free')

async function within(promise, ms, what) {
  const late = sleep(ms, undefined, { ref: false }).then(() => {
    throw new Error(`${what}: not within ${ms} ms`)
  })
  return Promise.race([promise, late])
}

/**
 * One round: a board is in use, the fault comes, the use ends with an error, what was broken is mended, and another takes the board.
 */
async function round({ board, fault, mend = () => {}, again = board }) {
  const connection = openBoard(findBoard(board))
  await connection.upload(artifact)
  const failed = (async () => {
    for (;;) await connection.run(inputs)
  })().catch((error) => error)
  await sleep(Math.random() * 100)
  const begun = performance.now()
  await within(Promise.resolve(fault()), FREE, 'the fault does not come')
  const error = await within(failed, NOTICED, 'no error')
  const noticed = performance.now() - begun
  await within(Promise.resolve(mend()), FREE, 'it is not mended')
  await connection.close().catch(() => {})
  const free = await nextUse(again)
  return { code: codes(error), noticed, free: free - begun }
}

/** A round in which taking the board fails. */
async function refused({ board, again }) {
  const begun = performance.now()
  const error = await within(
    useOnce(board).catch((reason) => reason),
    NOTICED,
    'no error',
  )
  const noticed = performance.now() - begun
  const free = await nextUse(again)
  return { code: codes(error), noticed, free: free - begun }
}

/** A round in which a process that uses the board is killed. */
async function killedClient(board) {
  const child = spawn(process.execPath, [CLIENT, JSON.stringify(board), artifact], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await within(once(child.stdout, 'data'), START, 'the client does not start')
  await sleep(Math.random() * 100)
  child.kill('SIGKILL')
  const begun = performance.now()
  const free = await nextUse(board)
  return { code: 'killed', free: free - begun }
}

/** A tracker and a server of this machine that can be killed and started again. */
async function trackedBoard() {
  const state = {}
  const startTracker = async (port) => {
    state.tracker = await startService(['tracker', '--port', `${port}`])
    state.where = `${state.tracker.address.host}:${state.tracker.address.port}`
  }
  const startServer = async () => {
    state.server = await startService(['server', '--port', '0', '--key', KEY, '--tracker', state.where])
  }
  await startTracker(0)
  await startServer()
  const board = { name: KEY, target: 'llvm', tracker: state.where }
  cleanups.push(async () => {
    await endService(state.server)
    await endService(state.tracker)
  })
  const free = async () => (await queryTracker(state.tracker.address)).queue_info[KEY]?.free > 0
  await until(free)
  return { state, board, startServer, restartTracker: () => startTracker(state.tracker.address.port) }
}

/** A network namespace with one link to it, and the address of each end. */
function namespace() {
  const name = `tvm-node-${process.pid}`
  const ip = (...args) => execFileSync('ip', args, { stdio: 'pipe' })
  const [near, far] = [`tn${process.pid % 10_000}a`, `tn${process.pid % 10_000}b`]
  // Two of these at once do not meet.
  const network = `10.${200 + ((process.pid >> 8) % 50)}.${process.pid % 256}`
  const [nearAddress, farAddress] = [`${network}.1`, `${network}.2`]
  ip('netns', 'add', name)
  cleanups.push(() => ip('netns', 'delete', name))
  ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', name)
  ip('address', 'add', `${nearAddress}/24`, 'dev', near)
  ip('link', 'set', near, 'up')
  ip('-n', name, 'address', 'add', `${farAddress}/24`, 'dev', far)
  ip('-n', name, 'link', 'set', far, 'up')
  ip('-n', name, 'link', 'set', 'lo', 'up')
  return {
    address: farAddress,
    before: ['ip', 'netns', 'exec', name],
    /** Packets of either way are dropped, and nobody is told. */
    drop: () => ip('-n', name, 'link', 'set', far, 'down'),
    /** Packets pass again; resolves when they reach a port. */
    pass: async (port) => {
      ip('-n', name, 'link', 'set', far, 'up')
      await until(() => isReachable({ host: farAddress, port }))
    },
  }
}

/** A file system with room for little. */
function smallDisk(name) {
  const path = join(folder, name)
  mkdirSync(path)
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${KILOBYTES}k`, 'none', path], { stdio: 'pipe' })
  cleanups.push(() => execFileSync('umount', ['-l', path]))
  return path
}

const inOrder = async (work) => {
  const results = []
  for (let i = 0; i < options.rounds; i++) results.push(await work(i))
  return results
}
const inBatches = async (work) => {
  const results = []
  while (results.length < options.rounds) {
    const count = Math.min(options.batch, options.rounds - results.length)
    results.push(...(await work(count)))
  }
  return results
}
const listOf = (count, make) => Promise.all(Array.from({ length: count }, (_, i) => make(i)))

/** Rounds on several boards at once that are one machine reached by SSH. */
async function bySsh(rounds, where = {}) {
  const sshd = await Sshd.start(where)
  cleanups.push(() => sshd.end())
  return inBatches((count) => {
    const boards = Array.from({ length: count }, (_, i) => desk(sshd, i))
    return Promise.all(rounds(count, boards, sshd))
  })
}

/** What can go wrong; each gives the results of its rounds. */
const faults = {
  'server killed': async () => {
    const { state, board, startServer } = await trackedBoard()
    return inOrder(() => round({ board, fault: () => state.server.child.kill('SIGKILL'), mend: startServer }))
  },

  'client killed': async () => {
    const { board } = await trackedBoard()
    return inOrder(() => killedClient(board))
  },

  'tracker killed': async () => {
    const { state, board, restartTracker } = await trackedBoard()
    return inOrder(async () => {
      const holder = openBoard(findBoard(board))
      await holder.upload(artifact)
      const waiting = useOnce(board).catch((error) => error)
      await sleep(100)
      const begun = performance.now()
      state.tracker.child.kill('SIGKILL')
      const error = await within(waiting, NOTICED, 'no error')
      const noticed = performance.now() - begun
      await restartTracker()
      // A session goes on without its tracker.
      await holder.run(inputs)
      await holder.close()
      const free = await nextUse(board)
      return { code: codes(error), noticed, free: free - begun }
    })
  },

  'wrong key': async () => {
    const { state, board } = await trackedBoard()
    return inOrder(async () => {
      const begun = performance.now()
      const error = await RemoteSession.connect(state.server.address, { key: KEY }).catch((reason) => reason)
      const noticed = performance.now() - begun
      const free = await nextUse(board)
      return { code: codes(error), noticed, free: free - begun }
    })
  },

  'server killed (SSH)': () =>
    bySsh((count, boards, sshd) => {
      const all = barrier(count, () => {
        for (const pid of sshd.servers(MAIN)) process.kill(pid, 'SIGKILL')
      })
      return boards.map((board) => round({ board, fault: all }))
    }),

  'client killed (SSH)': () => bySsh((_count, boards) => boards.map(killedClient)),

  'sshd killed': () =>
    bySsh((count, boards, sshd) => {
      const all = barrier(count, async () => {
        await sshd.kill()
        await sshd.run()
      })
      return boards.map((board) => round({ board, fault: all }))
    }),

  'wrong SSH key': () =>
    bySsh((_count, boards, sshd) => {
      const ssh = sshd.description({ identity: 'other' })
      return boards.map((board) => refused({ board: { ...board, ssh }, again: board }))
    }),

  'changed host key': () =>
    bySsh((_count, boards, sshd) => {
      const ssh = sshd.description({ knownHosts: 'changed_hosts' })
      return boards.map((board) => refused({ board: { ...board, ssh }, again: board }))
    }),

  'lease lost': () =>
    bySsh((_count, boards) =>
      boards.map((board) =>
        round({ board, fault: () => stealLock(board.name), mend: () => returnLock(board.name) }),
      ),
    ),

  'full disk': () => {
    const disk = smallDisk('small')
    return bySsh((_count, boards) =>
      boards.map((board) => {
        const server = `export TMPDIR='${disk}'; ${board.server}`
        return refused({ board: { ...board, server }, again: board })
      }),
    )
  },

  'half-open connection': async () => {
    const net = namespace()
    const sessions = ['--sessions', `${options.batch}`]
    const args = ['server', '--host', net.address, '--port', '0', '--key', KEY, ...sessions]
    const server = await startService(args, { before: net.before })
    cleanups.push(() => endService(server))
    const connect = () => RemoteSession.connect(server.address, { key: KEY, timeoutMs: FREE })
    const call = (session) => session.invoke('runtime.GetDeviceAttr', [1, 0, 0])
    return inBatches(async (count) => {
      const held = await listOf(count, connect)
      const failures = held.map(async (session) => {
        for (;;) await call(session)
      })
      await sleep(100)
      const begun = performance.now()
      net.drop()
      const ends = failures.map(async (failure) => {
        const error = await within(
          failure.catch((reason) => reason),
          NOTICED,
          'no error',
        )
        return { code: codes(error), noticed: performance.now() - begun }
      })
      const results = await Promise.all(ends)
      await net.pass(server.address.port)
      await Promise.all(held.map((session) => session.dispose()))
      // As many at once as there were: none is still held by who is gone.
      const next = await within(listOf(count, connect), FREE, 'the board is not free')
      const free = performance.now() - begun
      await Promise.all(next.map(call))
      await Promise.all(next.map((session) => session.dispose()))
      return results.map((result) => ({ ...result, free }))
    })
  },

  'half-open connection (SSH)': () => {
    const net = namespace()
    const where = { host: net.address, before: net.before }
    return bySsh((count, boards, sshd) => {
      // All are in use when the packets stop, and all are noticed before they pass again.
      const inUse = barrier(count, () => net.drop())
      const noticed = barrier(count, () => net.pass(sshd.port))
      return boards.map((board) => round({ board, fault: inUse, mend: noticed }))
    }, where)
  },
}

/** Waits until so many have come; the last one does the work. */
function barrier(count, work) {
  let here = 0
  let open
  const opened = new Promise((resolve) => {
    open = resolve
  })
  return () => {
    if (++here === count) open(work())
    return opened
  }
}

const thief = new HostLocks(async (command) => {
  const child = spawn('sh', ['-c', command], { stdio: ['ignore', 'pipe', 'pipe'] })
  const text = (stream) => stream.setEncoding('utf8').toArray()
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ])
  return { code, stdout: stdout.join(''), stderr: stderr.join('') }
})
/** As if the lease had run out and another had taken the board. */
async function stealLock(board) {
  const { owner } = await thief.holder(board)
  await thief.release(board, owner)
  await thief.take(board, 'thief', FREE)
}
const returnLock = (board) => thief.release(board, 'thief')

const seconds = (values) => (values.length > 0 ? Number((Math.max(...values) / 1000).toFixed(1)) : undefined)
const names = options.only ? options.only.split(',') : Object.keys(faults)
const rows = []
let failed = false
for (const name of names) {
  console.error(`${name}...`)
  try {
    const results = await faults[name]()
    const ends = new Set(results.map(({ code }) => code))
    const coded = results.filter(({ code }) => !code.startsWith('none')).length
    failed ||= coded < results.length
    rows.push({
      fault: name,
      rounds: results.length,
      coded,
      free_afterwards: results.length,
      slowest_error_s: seconds(results.flatMap(({ noticed }) => noticed ?? [])),
      slowest_free_s: seconds(results.map(({ free }) => free)),
      codes: [...ends].join('; '),
    })
  } catch (error) {
    failed = true
    rows.push({
      fault: name,
      rounds: 0,
      coded: 0,
      free_afterwards: 0,
      codes: `${error.message}`.split('\n')[0],
    })
    console.error(error)
  } finally {
    for (const cleanup of cleanups.splice(1).reverse()) await cleanup()
  }
  console.error(JSON.stringify(rows.at(-1)))
}
for (const cleanup of cleanups) await cleanup()
report(rows, options)
process.exitCode = failed ? 1 : 0
