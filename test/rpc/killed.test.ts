import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { RemoteSession } from '#lib/rpc/remote-session.js'
import { requestSession } from '#lib/rpc/request-session.js'
import { RpcServer } from '#lib/rpc/server.js'
import { Tracker } from '#lib/rpc/tracker.js'
import { startCli } from '../support/cli.js'
import { childrenOf, isRunning } from '../support/processes.js'
import { until, untilFree } from '../support/rpc.js'

/** Starts a service of the command line; its address. */
async function service(args: readonly string[]) {
  const { child } = startCli([...args, '--port', '0', '--json'])
  if (!child.stdout) throw new Error('no output')
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  return {
    child,
    pid: child.pid as number,
    address: JSON.parse(line).address as { host: string; port: number },
  }
}
const foldersOf = (pid: number) =>
  readdirSync(tmpdir()).filter((name) => name.startsWith(`tvm-node-session-${pid}-`))

test('a server that is killed takes its sessions along, and the next one cleans up', async () => {
  const { child, pid, address } = await service(['server', '--key', 'dev'])
  await using session = await RemoteSession.connect(address, { key: 'dev' })
  const children = childrenOf(pid)
  expect(children.length).toBeGreaterThan(0)
  expect(foldersOf(pid)).toHaveLength(1)
  child.kill('SIGKILL')
  await expect(session.invoke('runtime.GetDeviceAttr', [1, 0, 0])).rejects.toMatchObject({
    code: 'ERR_CONNECTION',
  })
  await until(() => !children.some(isRunning))
  await using next = await RpcServer.start({ port: 0 })
  expect(next.address.port).toBeGreaterThan(0)
  expect(foldersOf(pid)).toEqual([])
})

test('a tracker that is killed ends requests with a code, and no session', async () => {
  const { child, address } = await service(['tracker'])
  await using server = await RpcServer.start({ port: 0, key: 'dev', tracker: address })
  await untilFree(address, 'dev')
  await using session = await requestSession({ tracker: address, key: 'dev' })
  const waiting = requestSession({ tracker: address, key: 'dev' }).catch((error) => error)
  setTimeout(() => child.kill('SIGKILL'), 200)
  expect(await waiting).toMatchObject({ code: 'ERR_CONNECTION' })
  expect(session.alive).toBe(true)
  expect(server.key).toBe('dev')
})

test('a client that is killed frees its board', async () => {
  await using tracker = await Tracker.start({ port: 0 })
  await using server = await RpcServer.start({ port: 0, key: 'dev', tracker: tracker.address })
  const before = new Set(childrenOf())
  const session = await requestSession({ tracker: tracker.address, key: 'dev' })
  // Of the processes that came, the one that has no work folder as its own is the client's.
  const { readlinkSync } = await import('node:fs')
  const isClient = (pid: number) =>
    !before.has(pid) && !readlinkSync(`/proc/${pid}/cwd`).includes('tvm-node-session-')
  const [client] = childrenOf().filter(isClient)
  process.kill(client as number, 'SIGKILL')
  await untilFree(tracker.address, 'dev')
  expect(session.alive).toBe(false)
  expect(server.key).toBe('dev')
})
