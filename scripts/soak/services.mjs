// What the long tests of boards share: services of the command line as processes of their own, and what such a process holds.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** Starts `tvm-node ARGS` and waits until it listens. `before` is a command that starts it, for example `ip netns exec NAME`. */
export async function startService(args, { before = [], env = {} } = {}) {
  const [command, ...rest] = [...before, process.execPath, MAIN, ...args, '--json']
  const child = spawn(command, rest, {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, ...env },
  })
  const [line] = await once(createInterface(child.stdout), 'line')
  return { child, pid: child.pid, address: JSON.parse(line).address }
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
