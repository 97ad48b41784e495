// A host that does everything at once for long: compiles, tunes, runs networks on threads and in processes, on a server and on a board
// without an operating system, while its child processes are killed one after the other by signals. Whatever fails must fail with a code
// and because of a kill; outputs must stay what they were; descriptors and memory must not grow, and the host lives.
//
// usage: npm run soak -- [--minutes 60] [--faults 1000] [--seed 1] [--every 30] [--json]
//   --faults  kills in all, spread over the time
//   --every   seconds between samples of what the host holds
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describeMachine, readArguments, report } from '../../bench/support.mjs'
import { buildFor } from '../../dist/boards/build-options.js'
import { findBoard } from '../../dist/boards/find.js'
import { openBoard } from '../../dist/boards/open.js'
import { isTvmNodeError } from '../../dist/errors.js'
import { compile, load, RemoteSession, tune } from '../../dist/index.js'
import { sampleInputs } from '../../dist/session/sample-inputs.js'
import { generator } from '../../examples/training/data.mjs'
import { endService, growth, startService } from './services.mjs'

const options = readArguments({ minutes: 60, faults: 1000, seed: 1, every: 30 })
const random = generator(options.seed)
const pick = (list) => list[Math.floor(random() * list.length)]
const fixture = (name) =>
  fileURLToPath(new URL(`../../test/fixtures/models/${name}/model.onnx`, import.meta.url))
const MODEL = fixture('kws_dscnn')
const SIGNALS = ['SIGKILL', 'SIGSEGV', 'SIGABRT', 'SIGTERM', 'SIGBUS', 'SIGILL']
/** Runs of a session before it is opened anew. */
const RUNS = 20
/** Kilobytes by which a host may grow without a leak. */
const BREATH_KB = 40_000
/** Descriptors that a child takes of its host. */
const OF_A_CHILD = 4
/** Milliseconds for the longest piece of work: one that takes longer hangs. */
const HANGS = 600_000

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc')

const server = await startService(['server', '--port', '0', '--key', 'soak'])
const artifact = await compile(MODEL, { target: 'llvm' })
const board = findBoard('host_sim')
const forBoard = await compile(MODEL, buildFor(board))
const inputs = sampleInputs(artifact.metadata.inputs)
const end = performance.now() + options.minutes * 60_000
let faults = 0
const problems = []

/** Outputs of each kind of work must be those of its first run, to the bit. */
const firsts = new Map()
function check(kind, outputs) {
  const text = JSON.stringify(Object.values(outputs).map(({ data }) => [...data]))
  if (!firsts.has(kind)) firsts.set(kind, text)
  else if (firsts.get(kind) !== text) problems.push(`${kind}: other outputs than before`)
}

async function runs(kind, session) {
  try {
    for (let i = 0; i < RUNS; i++) check(kind, await session.run(inputs))
  } finally {
    await session.dispose()
  }
}

const works = {
  async compile() {
    const built = await compile(fixture(pick(['kws_dscnn', 'ad_autoencoder'])), {
      target: 'llvm',
      cache: false,
    })
    await built.dispose()
  },
  async tune() {
    const { artifact: tuned } = await tune(MODEL, {
      target: 'llvm',
      tuner: { task_budget: 1, mode: 'random' },
    })
    await tuned.dispose()
  },
  thread: async () => runs('thread', await load(artifact, { isolation: 'thread' })),
  process: async () => runs('process', await load(artifact, { isolation: 'process' })),
  async remote() {
    const session = await RemoteSession.connect(server.address, { key: 'soak' })
    try {
      await runs('remote', await session.load(artifact))
    } finally {
      await session.dispose()
    }
  },
  async micro() {
    const connection = openBoard(board)
    try {
      await runs('micro', await connection.upload(forBoard))
    } finally {
      await connection.close()
    }
  },
}

const rows = Object.fromEntries(Object.keys(works).map((name) => [name, { work: name, done: 0, failed: 0 }]))
const codes = {}

/** One kind of work, over and over. */
async function labour(name) {
  while (performance.now() < end) {
    const before = faults
    const late = setTimeout(() => problems.push(`${name} hangs`), HANGS)
    try {
      await works[name]()
      rows[name].done++
    } catch (error) {
      rows[name].failed++
      const code = isTvmNodeError(error) ? error.code : 'none'
      codes[code] = (codes[code] ?? 0) + 1
      if (code === 'none') problems.push(`${name}: ${error.stack}`)
      else if (faults === before)
        problems.push(`${name}, with nothing killed: ${error.code} ${error.message}`)
    } finally {
      clearTimeout(late)
    }
  }
}

/** Children of this process: those of all its threads, but for the server. */
function children() {
  const lists = readdirSync('/proc/self/task').map((thread) => {
    try {
      return readFileSync(`/proc/self/task/${thread}/children`, 'utf8')
    } catch {
      return ''
    }
  })
  return lists
    .join(' ')
    .split(' ')
    .filter(Boolean)
    .map(Number)
    .filter((pid) => pid !== server.pid)
}

async function kill() {
  const begun = performance.now()
  while (performance.now() < end && faults < options.faults) {
    await sleep(20)
    const due = ((performance.now() - begun) / (options.minutes * 60_000)) * options.faults
    const pid = faults < due ? pick(children()) : undefined
    if (pid === undefined) continue
    faults++
    try {
      process.kill(pid, pick(SIGNALS))
    } catch {
      // It ended by itself.
      faults--
    }
  }
}

const samples = []
async function watch() {
  while (performance.now() < end) {
    await sleep(options.every * 1000)
    collect()
    const [, rss] = /VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))
    const sample = {
      minute: Math.round((options.minutes * 60_000 - (end - performance.now())) / 600) / 100,
      descriptors: readdirSync('/proc/self/fd').length,
      memory_kb: Number(rss),
      heap_kb: Math.round(process.memoryUsage().heapUsed / 1000),
      processes: children().length,
      faults,
    }
    samples.push(sample)
    console.error(JSON.stringify(sample))
  }
}

for (const event of ['uncaughtException', 'unhandledRejection'])
  process.on(event, (error) => problems.push(`${event}: ${error.stack ?? error}`))
await Promise.all([...Object.keys(works).map(labour), kill(), watch()])
await artifact.dispose()
await forBoard.dispose()
await endService(server)

report(Object.values(rows), options)
if (samples.length >= 7) {
  const memory = samples.map(({ memory_kb }) => ({ memory_kb }))
  for (const name of growth(memory, BREATH_KB)) problems.push(`${name} grew`)
  // How many children there are at a sample is by chance, and each takes some: a leak raises even the fewest.
  const third = Math.floor(samples.length / 3)
  const fewest = (some) => Math.min(...some.map(({ descriptors }) => descriptors))
  const [first, last] = [fewest(samples.slice(0, third)), fewest(samples.slice(-third))]
  if (last > first + OF_A_CHILD) problems.push(`descriptors grew from ${first} to ${last}`)
}
for (const problem of problems.slice(0, 20)) console.error(problem)
console.error(`codes of what failed: ${JSON.stringify(codes)}`)
console.error(
  `${options.minutes} minutes, ${faults} kills from seed ${options.seed}: ${problems.length} problems; ${describeMachine()}`,
)
process.exit(problems.length > 0 ? 1 : 0)
