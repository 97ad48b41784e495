// Ends hosts in the middle of their work in every way that hosts end, over and over, and looks at what is left: the exit code must be
// right, and no core, no process and no file may stay, in the folder for temporary files and in that for shared memory. What a signal
// kills cannot tidy up: the next process that works there does it.
//
// usage: npm run soak:hygiene -- [--rounds 500] [--seed 1] [--at-once 2] [--json]
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readArguments, report } from '../../bench/support.mjs'
import { compile } from '../../dist/compile/compile.js'
import { generator } from '../../examples/training/data.mjs'
import { until } from './services.mjs'

const options = readArguments({ rounds: 500, seed: 1, 'at-once': 2 })
const HOST = fileURLToPath(new URL('hygiene-host.mjs', import.meta.url))
const MODEL = fileURLToPath(new URL('../../test/fixtures/models/kws_dscnn/model.onnx', import.meta.url))
/** Milliseconds for the life of a host, and seconds for all to be gone after its end. */
const [LONGEST, GONE] = [300_000, 10]
/** A core is left in its process's folder, unless the system has another place for it. */
const WITH_CORES = 'ulimit -c unlimited; exec "$0" "$@"'

/** What is done, how it ends, the signal that comes from outside, and the exit code or signal that is right. */
const kinds = [
  ['thread', 'return', undefined, 0],
  ['process', 'exit', undefined, 7],
  ['compile', 'throw', undefined, 1],
  ['worker', 'terminate', undefined, 0],
  ['process', 'signal', 'SIGTERM', 'SIGTERM'],
  ['compile', 'signal', 'SIGTERM', 'SIGTERM'],
  ['tune', 'signal', 'SIGTERM', 'SIGTERM'],
  ['process', 'return', undefined, 0],
  ['thread', 'exit', undefined, 7],
  ['compile', 'exit', undefined, 7],
  ['tune', 'exit', undefined, 7],
  ['thread', 'throw', undefined, 1],
  ['process', 'throw', undefined, 1],
  ['worker-process', 'terminate', undefined, 0],
  ['worker', 'exit', undefined, 7],
  ['thread', 'signal', 'SIGTERM', 'SIGTERM'],
  ['process', 'signal', 'SIGINT', 'SIGINT'],
  ['process', 'signal', 'SIGKILL', 'SIGKILL'],
  ['compile', 'signal', 'SIGKILL', 'SIGKILL'],
]

const folder = mkdtempSync(join(tmpdir(), 'tvm-node-hygiene-'))
const artifact = join(folder, 'model.tvm')
const compiled = await compile(MODEL, { target: 'llvm' })
await compiled.save(artifact)
await compiled.dispose()
const shared = () => readdirSync('/dev/shm').filter((name) => name.includes('tvm-node'))
const sharedBefore = shared()

/** Processes that were started, directly or not, with this folder for temporary files. */
function processesOf(place) {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      return (
        readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`TMPDIR=${place}\0`) &&
        !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
      )
    } catch {
      return false
    }
  })
}

function start(place, [work, end], delay) {
  const args = [HOST, work, end, MODEL, artifact, `${delay}`]
  return spawn('/bin/sh', ['-c', WITH_CORES, process.execPath, ...args], {
    cwd: join(place, 'cwd'),
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: join(place, 'tmp') },
  })
}

/** Runs a host to its end. Returns what was wrong about that. */
async function live(place, kind, delay) {
  const child = start(place, kind, delay)
  let late = false
  const timer = setTimeout(() => {
    late = true
    child.kill('SIGKILL')
  }, LONGEST)
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  const [, , signal, right] = kind
  child.stdout.once('data', () => signal && setTimeout(() => child.kill(signal), delay))
  const [code, by] = await once(child, 'close')
  clearTimeout(timer)
  const how = late ? `our SIGKILL after ${LONGEST / 1000} s` : (by ?? code)
  return how === right ? [] : [`ended with ${how}: ${stderr.slice(-500)}`]
}

async function round(number, kind, delay) {
  const place = join(folder, `${number}`)
  for (const name of ['tmp', 'cwd']) mkdirSync(join(place, name), { recursive: true })
  const [, , signal] = kind
  const faults = await live(place, kind, delay)
  const temporary = join(place, 'tmp')
  await until(() => processesOf(temporary).length === 0, GONE).catch(() =>
    faults.push(`still running: ${processesOf(temporary).join(' ')}`),
  )
  if (signal)
    for (const fault of await live(place, ['process', 'return', undefined, 0], 0))
      faults.push(`the next one ${fault}`)
  for (const left of readdirSync(temporary)) faults.push(`left ${left} in the folder for temporary files`)
  for (const left of readdirSync(join(place, 'cwd'))) faults.push(`left ${left} in its own folder`)
  rmSync(place, { recursive: true, force: true })
  return faults
}

const random = generator(options.seed)
const plan = Array.from({ length: options.rounds }, (_, number) => ({
  number,
  kind: kinds[number % kinds.length],
  delay: Math.floor(random() * 200),
}))
const rows = new Map(
  kinds.map((kind) => [kind, { work: kind[0], end: kind[2] ?? kind[1], rounds: 0, faults: 0 }]),
)
async function work() {
  for (let next = plan.shift(); next; next = plan.shift()) {
    const faults = await round(next.number, next.kind, next.delay)
    const row = rows.get(next.kind)
    row.rounds++
    row.faults += faults.length
    for (const fault of faults) console.error(`round ${next.number}, ${row.work} ${row.end}: ${fault}`)
  }
}
try {
  await Promise.all(Array.from({ length: options['at-once'] }, work))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
const sharedLeft = shared().filter((name) => !sharedBefore.includes(name))
for (const name of sharedLeft) console.error(`left in shared memory: ${name}`)
const done = [...rows.values()].filter(({ rounds }) => rounds > 0)
report(done, options)
const faults = done.reduce((sum, row) => sum + row.faults, sharedLeft.length)
console.error(`${options.rounds} rounds from seed ${options.seed}: ${faults} faults`)
process.exitCode = faults > 0 ? 1 : 0
