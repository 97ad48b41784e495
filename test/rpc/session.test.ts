import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { TvmBackend } from '#lib/backend/backend.js'
import { SERVER_MAGIC, SERVER_MISMATCH, textFrame, word } from '#lib/rpc/protocol.js'
import { RemoteSession } from '#lib/rpc/remote-session.js'
import { requestSession } from '#lib/rpc/request-session.js'
import { RpcServer } from '#lib/rpc/server.js'
import { Tracker } from '#lib/rpc/tracker.js'
import { artifactOf, largestDifference, network } from '../support/artifacts.js'
import { cli } from '../support/cli.js'
import { childrenOf } from '../support/processes.js'
import { until, untilFree } from '../support/rpc.js'
import { scratchFolder } from '../support/scratch.js'

const folder = scratchFolder()
const { model, inputs, outputs } = network('kws_dscnn')
const [name] = Object.keys(outputs) as [string]
let tracker: Tracker
let server: RpcServer
let artifact: string
beforeAll(async () => {
  tracker = await Tracker.start({ port: 0 })
  server = await RpcServer.start({ port: 0, key: 'dev', tracker: tracker.address, maxUploadBytes: 8e6 })
  artifact = await artifactOf(model, join(folder, 'model.tvm'))
})
afterAll(async () => {
  await server?.close()
  await tracker?.close()
})

const request = (options: object = {}) =>
  requestSession({ tracker: tracker.address, key: 'dev', timeoutMs: 30_000, ...options })
const workFolders = () =>
  readdirSync(tmpdir()).filter((entry) => entry.startsWith(`tvm-node-session-${process.pid}-`))

test('a network runs on a board as it does here, and tells what its operators take', async () => {
  await using session = await request()
  await using remote = await session.load(artifact)
  const first = await remote.run(inputs)
  expect(largestDifference(first[name], outputs[name])).toBeLessThan(1e-5)
  const { metrics, profile, ...report } = await remote.profile(inputs, { repeat: 4 })
  expect(largestDifference(report.outputs[name], outputs[name])).toBeLessThan(1e-5)
  expect(metrics.latencyUs.count).toBe(4)
  expect(metrics.latencyUs.median).toBeGreaterThan(0)
  expect(profile.some(({ name }) => name.includes('conv2d'))).toBe(true)
  await expect(remote.run({})).rejects.toMatchObject({ code: 'ERR_INPUT' })
  // A second network beside the first one.
  await using other = await session.load(artifact)
  expect(largestDifference((await other.run(inputs))[name], outputs[name])).toBeLessThan(1e-5)
})

test('files go to a session’s own folder and nowhere else, and go with it', async () => {
  const path = join(folder, 'bytes')
  writeFileSync(path, randomBytes(3_000_000))
  const session = await request()
  await session.upload(path)
  await session.upload(path, '../../../outside')
  expect(Buffer.from(await session.download('bytes')).equals(readFileSync(path))).toBe(true)
  const [work] = workFolders()
  expect(readdirSync(join(tmpdir(), work as string)).sort()).toEqual(['bytes', 'outside'])
  const error = await session.upload(path, 'more').catch((reason) => reason)
  expect(error).toMatchObject({ code: 'ERR_REMOTE', message: expect.stringContaining('8000000 bytes') })
  await session.remove('bytes')
  await expect(session.download('bytes')).rejects.toMatchObject({ code: 'ERR_REMOTE' })
  // The session is all right after errors.
  await session.upload(path, 'again').catch(() => undefined)
  await session.dispose()
  await until(() => workFolders().length === 0)
})

test('what is no library is refused by name', async () => {
  const path = join(folder, 'damaged.o')
  writeFileSync(path, 'no object')
  await using session = await request()
  await session.upload(path)
  await expect(session.downloadLinked('damaged.o')).rejects.toMatchObject({
    code: 'ERR_REMOTE',
    message: expect.stringContaining('damaged.o'),
  })
  await expect(session.invoke('no.such.function')).rejects.toMatchObject({ code: 'ERR_REMOTE' })
})

test('a session ends when its time is over, and the server goes on', async () => {
  const session = await request({ seconds: 1 })
  await until(
    () =>
      session.invoke('runtime.GetDeviceAttr', [1, 0, 0]).then(
        () => false,
        () => true,
      ),
    10_000,
  )
  await session.dispose()
  await untilFree(tracker.address, 'dev')
  await using next = await request()
  expect(next.alive).toBe(true)
})

test('a session whose process is killed is lost with a code, and the server goes on', async () => {
  const session = await request()
  const before = childrenOf()
  // The process that has the work folder as its own is the session's.
  const [work] = workFolders()
  const { readlinkSync } = await import('node:fs')
  const victim = before.find((pid) => readlinkSync(`/proc/${pid}/cwd`).includes(work as string))
  process.kill(victim as number, 'SIGKILL')
  await expect(session.invoke('runtime.GetDeviceAttr', [1, 0, 0])).rejects.toMatchObject({
    code: 'ERR_CONNECTION',
  })
  await expect(session.download('x')).rejects.toMatchObject({ code: 'ERR_CONNECTION' })
  await session.dispose()
  await untilFree(tracker.address, 'dev')
  expect(workFolders()).toEqual([])
})

test('a client that is given up frees the board', async () => {
  const session = await request()
  const signal = AbortSignal.timeout(50)
  // Sleeps in the library for long.
  const work = session
    .load(artifact, { signal })
    .then((remote) => remote.profile(inputs, { repeat: 1e6, signal }))
  expect(await work.catch((reason) => reason)).toBe(signal.reason)
  expect(session.alive).toBe(false)
  await untilFree(tracker.address, 'dev')
})

test('one session at a time: others wait, and hear of how it stands when they waited in vain', async () => {
  const session = await request()
  const vain = await request({ timeoutMs: 300 }).catch((error) => error)
  expect(vain).toMatchObject({
    code: 'ERR_TIMEOUT',
    message: expect.stringContaining('0 of 1 boards are free'),
    details: { total: 1, free: 0 },
  })
  const next = request()
  await session.dispose()
  await (await next).dispose()
  const unknown = await requestSession({ tracker: tracker.address, key: 'none', timeoutMs: 200 }).catch(
    (e) => e,
  )
  expect(unknown).toMatchObject({ message: expect.stringContaining('knows no such board') })
})

test('who has no key gets no session', async () => {
  await untilFree(tracker.address, 'dev')
  await expect(RemoteSession.connect(server.address, { key: 'dev' })).rejects.toMatchObject({
    code: 'ERR_SESSION_KEY',
  })
  const answers = async (...chunks: Uint8Array[]) => {
    const socket = connect(server.address)
    socket.on('error', () => {})
    for (const chunk of chunks) socket.write(chunk)
    const received: Buffer[] = []
    for await (const chunk of socket) received.push(chunk)
    return Buffer.concat(received)
  }
  const mismatch = word(SERVER_MISMATCH)
  expect(await answers(word(SERVER_MAGIC), textFrame('client:dev:0'))).toEqual(mismatch)
  expect(await answers(word(SERVER_MAGIC), textFrame(''))).toEqual(mismatch)
  expect(await answers(word(SERVER_MAGIC), word(1 << 30))).toHaveLength(0)
  expect(await answers(Buffer.from('GET / HTTP/1.0\r\n\r\n'))).toHaveLength(0)
  await (await request()).dispose()
})

test('without a tracker the server’s own key is the one', async () => {
  await using alone = await RpcServer.start({ port: 0, key: 'own' })
  await expect(RemoteSession.connect(alone.address, { key: 'other' })).rejects.toMatchObject({
    code: 'ERR_SESSION_KEY',
  })
  await using session = await RemoteSession.connect(alone.address, { key: 'own' })
  expect(session.alive).toBe(true)
})

test('a server finds its tracker again', async () => {
  const first = await Tracker.start({ port: 0 })
  const { port } = first.address
  await using board = await RpcServer.start({ port: 0, key: 'again', tracker: first.address })
  await untilFree(first.address, 'again')
  await first.close()
  await using second = await Tracker.start({ port })
  await untilFree(second.address, 'again')
  expect(board.address.port).toBeGreaterThan(0)
})

test('a backend uses a board behind a tracker', async () => {
  const where = `127.0.0.1:${tracker.address.port}`
  await using backend = await TvmBackend.create({ board: { name: 'dev', tracker: where } })
  expect(await backend.available()).toBe(true)
  await backend.prepare(model)
  expect(await backend.available()).toBe(false)
  expect(largestDifference((await backend.run(inputs))[name], outputs[name])).toBeLessThan(1e-5)
  const { metrics } = await backend.profile(inputs)
  expect(metrics.duration).toBeGreaterThan(0)
  await backend.dispose()
  await untilFree(tracker.address, 'dev')
})

test('the command line runs on a board', async () => {
  const where = `127.0.0.1:${tracker.address.port}`
  const board = join(folder, 'dev.yml')
  writeFileSync(board, `name: dev\ntarget: llvm\ntracker: ${where}\n`)
  const [profiled, listed] = [
    await cli(['profile', artifact, '--board', board, '--json']),
    await cli(['query-tracker', '--port', `${tracker.address.port}`, '--json']),
  ]
  expect(profiled.stderr).not.toContain('ERR_')
  expect(profiled.json[0].metrics.latencyUs.median).toBeGreaterThan(0)
  expect(listed.json[0].servers).toEqual([{ key: 'dev', address: `127.0.0.1:${server.address.port}` }])
  writeFileSync(board, `name: dev\ntarget: llvm\ntraker: ${where}\n`)
  const wrong = await cli(['profile', artifact, '--board', board])
  expect(wrong.stderr).toContain(`dev.yml:3: there is no key 'traker'; did you mean 'tracker'?`)
})
