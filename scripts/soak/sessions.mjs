// Opens, uses and closes sessions on one server of this package through one tracker, over and over: each brings a network, runs it and
// leaves. What the server and the tracker hold must not grow: descriptors, memory, processes, work folders.
//
// usage: npm run soak:sessions -- [--cycles 10000] [--clients 2] [--every 500] [--on PID,PID,HOST:PORT] [--rows FILE] [--json]
//   --on    a server and a tracker that run already, by their processes and the tracker's address; so that a long run goes in slices
//   --rows  a file to which samples are added and whose earlier ones count too
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { readArguments, report } from '../../bench/support.mjs'
import { queryTracker } from '../../dist/rpc/tracker-client.js'
import { endService, growth, settled, startService, until } from './services.mjs'

const options = readArguments({ cycles: 10000, clients: 2, every: 500, on: '', rows: '' })
const KEY = 'soak'
/** Kilobytes by which a process may grow without a leak: heaps of Node breathe. */
const BREATH_KB = 20_000
/** Milliseconds for a client: to compile the network, and for a cycle at most. */
const [COMPILE, CYCLE] = [240_000, 10_000]

const given = options.on ? options.on.split(',') : undefined
const started = []
async function start(...args) {
  const service = await startService(args)
  started.push(service)
  return service
}
const tracker = given
  ? { pid: Number(given[1]), address: parse(given[2]) }
  : await start('tracker', '--port', '0')
const where = `${tracker.address.host}:${tracker.address.port}`
const server = given
  ? { pid: Number(given[0]) }
  : await start('server', '--port', '0', '--key', KEY, '--tracker', where, '--sessions', `${options.clients}`)

function parse(text) {
  const [host, port] = text.split(':')
  return { host, port: Number(port) }
}

const allFree = async () => {
  const { queue_info } = await queryTracker(tracker.address)
  return (queue_info[KEY]?.free ?? 0) >= options.clients
}
async function sample(cycles) {
  // Between sessions and after all of their ends, so that the figures are alike.
  await until(allFree, 60)
  return {
    cycles,
    ...prefixed('server', await settled(server.pid)),
    ...prefixed('tracker', await settled(tracker.pid)),
  }
}
const prefixed = (name, object) =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [`${name}_${key}`, value]))

/** Has the clients do so many cycles together. */
async function cycle(count) {
  const client = fileURLToPath(new URL('session-client.mjs', import.meta.url))
  const shares = Array.from({ length: options.clients }, (_, i) => Math.floor((count + i) / options.clients))
  const ends = shares.map(async (share) => {
    const child = fork(client, [tracker.address.host, `${tracker.address.port}`, KEY, `${share}`], {
      execArgv: ['--expose-gc'],
      timeout: COMPILE + CYCLE * share,
      killSignal: 'SIGKILL',
    })
    const [code, signal] = await once(child, 'exit')
    if (signal === 'SIGKILL') throw new Error(`a client hung: ${share} cycles were not done in time`)
    if (code !== 0) throw new Error(`a client ended with ${code ?? signal}`)
  })
  await Promise.all(ends)
}

try {
  const kept = options.rows && existsSync(options.rows) ? readFileSync(options.rows, 'utf8') : ''
  const rows = kept
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
  const before = rows.at(-1)?.cycles ?? 0
  for (let done = 0; done < options.cycles; ) {
    const count = Math.min(options.every, options.cycles - done)
    await cycle(count)
    done += count
    rows.push(await sample(before + done))
    const line = JSON.stringify(rows.at(-1))
    console.error(line)
    if (options.rows) appendFileSync(options.rows, `${line}\n`)
  }
  report(rows, options)
  if (rows.length < 4) console.error('too few samples to tell growth: make --every smaller')
  else if (growth(rows, BREATH_KB).length > 0) throw new Error(`grew: ${growth(rows, BREATH_KB).join(', ')}`)
} catch (error) {
  for (const { stderr } of started) if (stderr) console.error(stderr)
  throw error
} finally {
  for (const service of started.reverse()) await endService(service)
}
