// Gives damaged and hostile files and arguments to what reads them: artifacts, npz files, tuning records, configurations, automate's
// metadata, the command line. Each must end with a value or an error that has a code; a reader runs under Node's permissions and
// reaches no file but those of the package and its own folder. Prints seed, count, what came of it, and how much of the reader's
// modules was executed.
//
// usage: npm run test:fuzz-files -- [TARGET...] [--count 1000000] [--seed 1] [--json]
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isTvmNodeError } from '../dist/errors.js'
import { startCoverage } from './fuzz/coverage.mjs'
import { Mutator } from './fuzz/mutate.mjs'
import { targets } from './fuzz/targets.mjs'
import { root } from './steps/run.mjs'

/** Milliseconds of the processor for an input: more is a reader that hangs, or whose time grows faster than its input. */
const SLOW_MS = 1000
const MOST_FINDINGS = 20
/** Inputs by which coverage is counted. */
const COUNTED = 20_000
/** In memory: on a disk, writing files takes most of the time. */
const PLACE = '/dev/shm'
/** What loading the addon looks at, and where settings of automate may be. */
const SETTINGS = ['yaml', 'yml', 'json'].map((ending) => `/etc/automate.${ending}`)
const LOOKED_FOR = ['/etc/alpine-release', '/proc/self/', ...SETTINGS]
const prototypeKeys = Object.getOwnPropertyNames(Object.prototype).length

const child = process.argv[2] === '--child'
if (child) await attack(process.argv[3], JSON.parse(process.argv[4]))
else await attackAll()

/** Whether an error, or what caused it, is Node's refusal of a file elsewhere. */
function escaped(error) {
  for (let each = error; each; each = each.cause) if (each.code === 'ERR_ACCESS_DENIED') return true
  return false
}

function processorMs(work) {
  const before = process.cpuUsage()
  try {
    work()
  } catch {
    // It was told of already.
  }
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

async function attack(name, { seed, count, folder, counting }) {
  // Node's permissions do not go together with what counts: that is a run of its own, of the first inputs.
  const coverage = counting ? startCoverage() : undefined
  const { start, modules } = targets[name]
  const attempt = await start(folder)
  const outcomes = {}
  let findings = 0
  let slowest = 0
  const found = (number, what) => {
    findings++
    if (findings <= MOST_FINDINGS) console.error(`${name}, input ${number} of seed ${seed}: ${what}`)
  }
  for (let number = 0; number < count; number++) {
    const begun = performance.now()
    let outcome = 'read'
    try {
      attempt(new Mutator(seed * 1_000_003 + number))
    } catch (error) {
      outcome = isTvmNodeError(error) ? error.code : 'no code'
      if (escaped(error))
        found(number, `reaches elsewhere: ${error.resource ?? error.cause?.resource}: ${error.message}`)
      else if (!isTvmNodeError(error) || error.code === 'ERR_INTERNAL')
        found(number, error.stack?.slice(0, 700) ?? error)
    }
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    const took = performance.now() - begun
    slowest = Math.max(slowest, took)
    // On a busy machine time passes without work.
    if (took > SLOW_MS && processorMs(() => attempt(new Mutator(seed * 1_000_003 + number))) > SLOW_MS)
      found(number, `takes ${Math.round(took)} ms`)
    if (Object.getOwnPropertyNames(Object.prototype).length !== prototypeKeys)
      throw new Error('a prototype was changed')
  }
  const bytes = process.memoryUsage().rss
  process.send({ findings, outcomes, slowest, bytes, coverage: coverage?.(modules) })
  process.disconnect()
}

async function attackAll() {
  const { readArguments, report } = await import('../bench/support.mjs')
  const options = readArguments({ count: 1_000_000, seed: 1 })
  const names = options.positionals.length > 0 ? options.positionals : Object.keys(targets)
  const rows = []
  for (const name of names) {
    if (!(name in targets))
      throw new Error(`there is no target '${name}': ${Object.keys(targets).join(', ')}`)
    const begun = performance.now()
    const result = await inChild(name, options)
    const { coverage = {} } = await inChild(name, {
      count: Math.min(COUNTED, options.count),
      seed: options.seed,
      counting: true,
    })
    rows.push({
      target: name,
      count: options.count,
      seed: options.seed,
      findings: result.findings,
      slowest_ms: Math.round(result.slowest),
      memory_mb: Math.round(result.bytes / 1e6),
      seconds: Math.round((performance.now() - begun) / 1000),
      outcomes: Object.entries(result.outcomes)
        .map(([code, times]) => `${code} ${times}`)
        .join(', '),
      coverage: Object.entries(coverage)
        .map(([module, percent]) => `${module} ${percent} %`)
        .join(', '),
    })
    report(rows.slice(-1), options)
  }
  process.exitCode = rows.some(({ findings }) => findings > 0) ? 1 : 0
}

async function inChild(name, { count, seed, counting = false }) {
  const folder = mkdtempSync(join(PLACE, 'tvm-node-fuzz-'))
  const permissions = [
    '--experimental-permission',
    '--allow-addons',
    ...[root, realpathSync(join(root, 'node_modules')), folder, ...LOOKED_FOR].map(
      (place) => `--allow-fs-read=${place}`,
    ),
    `--allow-fs-write=${folder}`,
  ]
  try {
    const task = JSON.stringify({ seed, count, folder, counting })
    const args = ['--no-warnings', fileURLToPath(import.meta.url), '--child', name, task]
    const reader = spawn(process.execPath, [...(counting ? [] : permissions), ...args], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      // The user's own files are strangers' here.
      env: { ...process.env, HOME: folder, TMPDIR: folder },
    })
    let result
    reader.once('message', (message) => {
      result = message
    })
    const [code, signal] = await once(reader, 'exit')
    return result ?? { findings: 1, outcomes: { [`ended with ${signal ?? code}`]: 1 }, slowest: 0, bytes: 0 }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
