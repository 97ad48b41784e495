// What the long tests of boards share: services of the command line as processes of their own, and what such a process holds.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { summarize } from '../../dist/statistics.js'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** Milliseconds for a service to say where it listens. */
const START = 60_000

/**
 * Starts `tvm-node ARGS` and waits until it listens. `before` is a command that starts it, for example `ip netns exec NAME`. What it
 * writes to stderr is kept in `stderr`.
 */
export async function startService(args, { before = [], env = {} } = {}) {
  const [command, ...rest] = [...before, process.execPath, MAIN, ...args, '--json']
  const child = spawn(command, rest, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  const service = { child, pid: child.pid, stderr: '', address: undefined }
  child.stderr.setEncoding('utf8').on('data', (text) => {
    service.stderr = (service.stderr + text).slice(-10_000)
  })
  const ended = new Promise((_, reject) => {
    const fail = (why) => reject(new Error(`"${args.join(' ')}" ${why}: ${service.stderr}`))
    child.once('error', ({ message }) => fail(message))
    child.once('exit', (code, signal) => fail(`ended with ${code ?? signal}`))
    setTimeout(() => fail(`does not listen after ${START} ms`), START).unref()
  })
  ended.catch(() => {})
  const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), ended])
  service.address = JSON.parse(line).address
  return service
}

/** Ends a service by a signal and waits for it. */
export async function endService({ child }, signal = 'SIGTERM') {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
}

/** Descriptors, kilobytes of memory, child processes and work folders of a process. */
export function holdings(pid) {
  const [, rss] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return {
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    memory_kb: Number(rss),
    processes: children === '' ? 0 : children.split(' ').length,
    folders: readdirSync(tmpdir()).filter((name) => name.startsWith(`tvm-node-session-${pid}-`)).length,
  }
}

/** Waits until something holds; throws after `seconds`. */
export async function until(condition, seconds = 30) {
  const deadline = performance.now() + seconds * 1000
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not so after ${seconds} s: ${condition}`)
    await sleep(50)
  }
}

/** Waits until what a process holds stays the same for half a second: connections close after their sessions end. */
export async function settled(pid, seconds = 30) {
  let last = ''
  let since = 0
  await until(() => {
    const { descriptors, processes, folders } = holdings(pid)
    const now = `${descriptors} ${processes} ${folders}`
    if (now !== last) since = performance.now()
    last = now
    return performance.now() - since > 500
  }, seconds)
  return holdings(pid)
}

/**
 * What is more in the last third of the samples than in the first, of which the very first fills pools and heaps.
 *
 * @param breath - Kilobytes by which a process may grow without a leak: heaps of Node breathe.
 */
export function growth(samples, breath) {
  const third = Math.max(1, Math.floor((samples.length - 1) / 3))
  const [first, last] = [samples.slice(1, 1 + third), samples.slice(-third)]
  const median = (list, name) => summarize(list.map((sample) => sample[name])).median
  return Object.keys(samples[0] ?? {}).filter((name) => {
    const slack = name.endsWith('_kb') ? breath : 0
    return name !== 'cycles' && median(last, name) > median(first, name) + slack
  })
}
