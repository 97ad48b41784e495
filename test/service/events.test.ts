import { connect } from 'node:net'
import { beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { ServiceEvent } from '#lib/service/events.js'
import type { Service } from '#lib/service/service.js'
import { ask, startService } from '../support/service.js'

let service: Service
beforeAll(async () => {
  service = await startService({ limits: { listeners: 2, unreadBytes: 100_000 } })
})

const config = { board: 'local_cpu' }
const url = () => `${service.origin?.replace('http', 'ws')}/v1/events`
const opened = (socket: WebSocket) =>
  new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))

test('a WebSocket hears what happens, from where it left off', async () => {
  service.events.publish('b', { type: 'created' })
  const [last] = service.events.after(0).slice(-1) as [ServiceEvent]
  const socket = new WebSocket(`${url()}?after=${last.id - 1}`, {
    headers: { authorization: `Bearer ${service.token}` },
  })
  const heard: ServiceEvent[] = []
  socket.on('message', (data) => heard.push(JSON.parse(String(data))))
  await opened(socket)
  const { json } = await ask(service, 'POST', '/v1/backends', { body: config })
  await ask(service, 'DELETE', `/v1/backends/${json.id}`)
  await expect
    .poll(() => heard.map(({ backend, type }) => `${backend} ${type}`))
    .toEqual(['b created', `${json.id} created`, `${json.id} deleted`])
  expect(heard.map(({ id }) => id)).toEqual([last.id, last.id + 1, last.id + 2])
  socket.close()
  await expect.poll(() => service.events.size).toBe(0)
})

test('server-sent events carry the same, and go on after a lost connection', async () => {
  service.events.publish('c', { type: 'created' })
  const [last] = service.events.after(0).slice(-1) as [ServiceEvent]
  const gone = new AbortController()
  const { body } = await fetch(`${service.origin}/v1/events`, {
    headers: {
      authorization: `Bearer ${service.token}`,
      accept: 'text/event-stream',
      'last-event-id': String(last.id - 1),
    },
    signal: gone.signal,
  })
  const reader = (body as ReadableStream<Uint8Array>).getReader()
  let text = ''
  while (!text.includes('\n\n')) text += Buffer.from((await reader.read()).value ?? []).toString()
  expect(text).toBe(`id: ${last.id}\nevent: created\ndata: ${JSON.stringify(last)}\n\n`)
  gone.abort()
  await expect.poll(() => service.events.size).toBe(0)
})

test.each([
  ['no token', {}, 401],
  ['a wrong one', { authorization: 'Bearer wrong' }, 401],
])('with %s no WebSocket opens', async (_, headers, status) => {
  await expect(opened(new WebSocket(url(), { headers }))).rejects.toThrow(
    `Unexpected server response: ${status}`,
  )
})

test('clients beyond the limit are told to come again', async () => {
  const headers = { authorization: `Bearer ${service.token}` }
  const sockets = [new WebSocket(url(), { headers }), new WebSocket(url(), { headers })]
  await Promise.all(sockets.map(opened))
  await expect(opened(new WebSocket(url(), { headers }))).rejects.toThrow('503')
  for (const socket of sockets) socket.terminate()
  await expect.poll(() => service.events.size).toBe(0)
})

test.each(['websocket', 'event stream'])(
  'a client that never reads its %s is let go, and memory stays',
  async (kind) => {
    const socket = connect(service.address?.port as number, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.pause()
    const headers =
      kind === 'websocket'
        ? 'upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=='
        : 'accept: text/event-stream'
    socket.write(
      `GET /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${service.token}\r\n${headers}\r\n\r\n`,
    )
    await expect.poll(() => service.events.size).toBe(1)
    const text = 'x'.repeat(10_000)
    globalThis.gc?.()
    const before = process.memoryUsage().rss
    let sent = 0
    // What the system holds for the connection is some megabytes; all beyond would be held here.
    for (; service.events.size > 0 && sent < 20_000; sent++) {
      service.events.publish('d', { type: 'progress', text } as never)
      if (sent % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    expect(service.events.size).toBe(0)
    expect(sent).toBeLessThan(2_000)
    for (let i = 0; i < 5_000; i++) service.events.publish('d', { type: 'progress', text } as never)
    globalThis.gc?.()
    expect(process.memoryUsage().rss - before).toBeLessThan(150e6)
    socket.destroy()
  },
)
