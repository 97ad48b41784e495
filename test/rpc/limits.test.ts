import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { ByteReader } from '#lib/rpc/byte-reader.js'
import { messageFrame, TRACKER_MAGIC, word } from '#lib/rpc/protocol.js'
import { Registration } from '#lib/rpc/registration.js'
import { Tracker } from '#lib/rpc/tracker.js'
import { TrackerClient } from '#lib/rpc/tracker-client.js'
import { until } from '../support/rpc.js'

/** Two ends of one connection. */
async function connection(): Promise<[Socket, Socket]> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const near = connect(server.address() as { port: number })
  const [far] = (await once(server, 'connection')) as [Socket]
  server.close()
  return [near, far]
}

test.each([
  ['within its length', [Buffer.of(1, 2)]],
  ['after its length', [word(4)]],
  ['a byte at a time', Array.from({ length: 100 }, () => Buffer.of(64, 0, 0, 0))],
])('a message that does not end in time is given up: %s', async (_where, chunks) => {
  const [near, far] = await connection()
  const reader = new ByteReader(far, 'the peer', 150)
  const begun = performance.now()
  const trickle = setInterval(() => near.write(chunks.shift() ?? ''), 20)
  const error = await reader.text(1000).catch((reason) => reason)
  clearInterval(trickle)
  expect(error).toMatchObject({ code: 'ERR_PROTOCOL', message: expect.stringContaining('within 150 ms') })
  expect(performance.now() - begun).toBeLessThan(1000)
  near.destroy()
  far.destroy()
})

test('who is silent between messages is waited for', async () => {
  const [near, far] = await connection()
  const reader = new ByteReader(far, 'the peer', 50)
  setTimeout(() => near.write(messageFrame([1])), 300)
  expect(await reader.text(1000)).toBe('[1]')
  near.destroy()
  far.destroy()
})

test('one connection offers and asks for so much and no more', async () => {
  await using tracker = await Tracker.start({ port: 0 })
  const flood = async (message: unknown) => {
    const socket = connect(tracker.address).on('error', () => undefined)
    socket.write(Buffer.concat([word(TRACKER_MAGIC), ...Array(300).fill(messageFrame(message))]))
    socket.resume()
    await once(socket, 'close')
  }
  await flood([3, 'dev', [7000, 'dev:1'], null])
  await flood([4, 'other', '', 1])
  await until(() => tracker.summary().queue_info.dev?.free === 0)
  expect(tracker.summary().queue_info.other?.pending).toBe(0)
  // What was granted does not count.
  using server = await TrackerClient.connect(tracker.address)
  using client = await TrackerClient.connect(tracker.address)
  for (let i = 0; i < 600; i++) {
    await server.put('many', 7000, `many:${i}`)
    expect((await client.request('many')).matchKey).toBe(`many:${i}`)
  }
})

test('one address has so many connections and no more, and may come again', async () => {
  await using tracker = await Tracker.start({ port: 0, maxConnectionsPerAddress: 3 })
  const open = () => TrackerClient.connect(tracker.address)
  const clients = [await open(), await open(), await open()]
  await expect(open()).rejects.toMatchObject({ code: 'ERR_CONNECTION' })
  clients.pop()?.close()
  await until(() =>
    open().then(
      (client) => clients.push(client),
      () => false,
    ),
  )
  for (const client of clients) client.close()
})

test('a session is offered once, also while the tracker is being connected with', async () => {
  await using tracker = await Tracker.start({ port: 0 })
  const registration = new Registration({
    tracker: tracker.address,
    key: 'dev',
    port: 7000,
    onLog: () => undefined,
  })
  const offers = 100
  for (let i = 0; i < offers; i++) {
    registration.offer()
    await setImmediate()
  }
  await until(() => (tracker.summary().queue_info.dev?.free ?? 0) >= offers)
  using client = await TrackerClient.connect(tracker.address)
  await client.ping()
  expect(tracker.summary().queue_info.dev?.free).toBe(offers)
  const granted = new Set<string>()
  for (let i = 0; i < offers; i++) granted.add((await client.request('dev')).matchKey)
  expect(granted.size).toBe(offers)
  registration.close()
})
