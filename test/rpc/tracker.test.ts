import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exposureWarning, parseAddress } from '#lib/rpc/address.js'
import { keyOf, messageFrame, TRACKER_MAGIC, word } from '#lib/rpc/protocol.js'
import { Tracker } from '#lib/rpc/tracker.js'
import { queryTracker, TrackerClient } from '#lib/rpc/tracker-client.js'
import { queueStatuses } from '#lib/rpc/tracker-summary.js'
import { freePort } from '../../scripts/steps/free-port.mjs'
import { until } from '../support/rpc.js'

let tracker: Tracker
const log: string[] = []
beforeAll(async () => {
  tracker = await Tracker.start({ port: 0, stopKey: 'stop', onLog: (line) => log.push(line) })
})
afterAll(() => tracker.close())

const raw = async (...chunks: Uint8Array[]): Promise<Socket> => {
  const socket = connect(tracker.address)
  for (const chunk of chunks) socket.write(chunk)
  return socket
}
const closed = (socket: Socket) => new Promise((resolve) => socket.once('close', resolve))

test('a session goes from a server to a client', async () => {
  using server = await TrackerClient.connect(tracker.address)
  await server.updateInfo('dev', 7001)
  await server.put('dev', 7001, 'dev:1')
  expect(await server.pendingMatchKeys()).toEqual(['dev:1'])
  const status = queueStatuses(await queryTracker(tracker.address))
  expect(status).toEqual([{ key: 'dev', total: 1, free: 1, pending: 0 }])
  using client = await TrackerClient.connect(tracker.address)
  const address = tracker.address.host
  expect(await client.request('dev')).toEqual({ host: address, port: 7001, matchKey: 'dev:1' })
  expect(await server.pendingMatchKeys()).toEqual([])
  // Others wait until there is one again, at an address of the server's own choice.
  const waiting = client.request('dev')
  await until(async () => tracker.summary().queue_info.dev?.pending === 1)
  await server.put('dev', 7001, 'dev:2', 'board.example')
  expect(await waiting).toEqual({ host: 'board.example', port: 7001, matchKey: 'dev:2' })
})

test('what a server offered is gone when it is, also when it never said what it is', async () => {
  const server = await TrackerClient.connect(tracker.address)
  await server.put('ghost', 7002, 'ghost:1')
  expect(tracker.summary().queue_info.ghost).toEqual({ free: 1, pending: 0 })
  server.close()
  await until(() => tracker.summary().queue_info.ghost?.free === 0)
})

test('a request that is given up is forgotten', async () => {
  const client = await TrackerClient.connect(tracker.address)
  const error = await client.request('nothing', 1, { timeoutMs: 100 }).catch((reason) => reason)
  expect(error).toMatchObject({ code: 'ERR_TIMEOUT' })
  expect(client.alive).toBe(false)
  await until(() => tracker.summary().queue_info.nothing?.pending === 0)
})

test('greeting and messages may come in pieces or together', async () => {
  const bytes = Buffer.concat([word(TRACKER_MAGIC), messageFrame([1]), messageFrame([1])])
  const socket = await raw()
  for (const byte of bytes) socket.write(Buffer.of(byte))
  const received: Buffer[] = []
  socket.on('data', (chunk) => received.push(chunk))
  const expected = Buffer.concat([word(TRACKER_MAGIC), messageFrame(0), messageFrame(0)])
  await until(() => Buffer.concat(received).equals(expected))
  socket.destroy()
})

describe('what breaks the protocol ends its own connection', () => {
  test.each([
    ['another greeting', [Buffer.from('GET / HTTP/1.1\r\n\r\n')]],
    ['a message that is too long', [word(TRACKER_MAGIC), word(2 ** 30)]],
    ['a negative length', [word(TRACKER_MAGIC), word(-5)]],
    ['no JSON', [word(TRACKER_MAGIC), word(3), Buffer.from('abc')]],
    ['an unknown request', [word(TRACKER_MAGIC), messageFrame([99])]],
    ['a port that is none', [word(TRACKER_MAGIC), messageFrame([3, 'k', [70000, 'k:1']])]],
    ['a key that is a number', [word(TRACKER_MAGIC), messageFrame([4, 7, '', 1])]],
  ])('%s', async (_what, chunks) => {
    const socket = await raw(...(chunks as Uint8Array[]))
    socket.resume()
    await closed(socket)
    using client = await TrackerClient.connect(tracker.address)
    await client.ping()
  })
})

test('random and damaged frames do no harm', async () => {
  const good = messageFrame([3, 'fuzz', [7000, 'fuzz:1'], null])
  for (let round = 0; round < 300; round++) {
    const bytes = Buffer.from(good)
    bytes[round % bytes.length] = randomBytes(1)[0] as number
    const socket = await raw(word(TRACKER_MAGIC), round % 2 ? bytes : randomBytes(64))
    socket.on('error', () => {}).resume()
    await new Promise((resolve) => socket.once('data', resolve))
    socket.destroy()
  }
  using client = await TrackerClient.connect(tracker.address)
  await client.ping()
})

test('keys keep their colons and letters of all kinds', async () => {
  using server = await TrackerClient.connect(tracker.address)
  await server.put('a:b:ü\u{1f600}', 7003, 'a:b:ü\u{1f600}:0.5')
  using client = await TrackerClient.connect(tracker.address)
  const { matchKey } = await client.request('a:b:ü\u{1f600}')
  expect(keyOf(matchKey)).toBe('a:b:ü\u{1f600}')
})

test('names like those of objects are keys like any', async () => {
  using client = await TrackerClient.connect(tracker.address)
  await client.put('__proto__', 7004, '__proto__:1')
  await client.put('constructor', 7004, 'constructor:1')
  const summary = await client.summary()
  expect(Object.keys(summary.queue_info)).toEqual(expect.arrayContaining(['constructor']))
  expect((await client.request('__proto__')).matchKey).toBe('__proto__:1')
})

test('who is no tracker is told from one that is away', async () => {
  const port = await freePort()
  const away = await queryTracker({ host: '127.0.0.1', port }).catch((error) => error)
  expect(away).toMatchObject({ code: 'ERR_CONNECTION' })
  const { createServer } = await import('node:net')
  const other = createServer((socket) => socket.end('SSH-2.0-OpenSSH\r\n')).listen(port, '127.0.0.1')
  const wrong = await queryTracker({ host: '127.0.0.1', port }).catch((error) => error)
  expect(wrong).toMatchObject({ code: 'ERR_PROTOCOL' })
  other.close()
})

test('a port in use is refused by name, and the next one of a range taken', async () => {
  const { port } = tracker.address
  await expect(Tracker.start({ port })).rejects.toMatchObject({ code: 'ERR_LISTEN', details: { port } })
  await using second = await Tracker.start({ port, portEnd: port + 20 })
  expect(second.address.port).toBeGreaterThan(port)
})

test('only the right key stops a tracker', async () => {
  await using victim = await Tracker.start({ port: 0, stopKey: 'right' })
  using client = await TrackerClient.connect(victim.address)
  expect(await client.stop('wrong')).toBe(false)
  expect(await client.stop('right')).toBe(true)
  await victim.done()
})

test('addresses', () => {
  expect(parseAddress('board:1234', 1)).toEqual({ host: 'board', port: 1234 })
  expect(parseAddress('[fe80::1]:1234', 1)).toEqual({ host: 'fe80::1', port: 1234 })
  expect(parseAddress('10.0.0.1', 9190)).toEqual({ host: '10.0.0.1', port: 9190 })
  for (const text of ['', ':12', 'a:b', 'a:99999', 'a:1:2'])
    expect(() => parseAddress(text, 1)).toThrow('is no address')
  expect(exposureWarning('tracker', '127.0.0.1')).toBeUndefined()
  expect(exposureWarning('tracker', '0.0.0.0')).toContain('any code')
})
