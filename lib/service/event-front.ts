import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { EventHub } from './events.js'

/** Milliseconds between two signs of life, so that connections which broke are noticed. */
const PULSE = 20_000
/** Clients send nothing but answers to pings. */
const MOST_RECEIVED = 1024

/** The ways to hear events: WebSocket and server-sent events. */
export class EventFront {
  private readonly sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MOST_RECEIVED,
    perMessageDeflate: false,
  })
  private readonly alive = new WeakSet<WebSocket>()
  private readonly streams = new Set<ServerResponse>()
  private readonly pulse: NodeJS.Timeout

  constructor(private readonly events: EventHub) {
    this.pulse = setInterval(() => this.beat(), PULSE).unref()
  }

  /** @throws `ERR_OVERLOADED` */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, after: number | undefined): void {
    this.events.checkRoom()
    this.sockets.handleUpgrade(request, socket, head, (client) => {
      client.on('error', () => client.terminate())
      client.on('pong', () => this.alive.add(client))
      this.alive.add(client)
      const off = this.events.add(
        {
          unread: () => client.bufferedAmount,
          send: (_event, json) => client.send(json),
          drop: () => client.terminate(),
        },
        after,
      )
      client.once('close', off)
    })
  }

  /** @throws `ERR_OVERLOADED` */
  stream(response: ServerResponse, after: number | undefined): void {
    this.events.checkRoom()
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    response.flushHeaders()
    this.streams.add(response)
    const off = this.events.add(
      {
        unread: () => response.writableLength,
        send: ({ id, type }, json) => response.write(`id: ${id}\nevent: ${type}\ndata: ${json}\n\n`),
        drop: () => response.destroy(),
      },
      after,
    )
    response.once('close', () => {
      this.streams.delete(response)
      off()
    })
  }

  close(): void {
    clearInterval(this.pulse)
    for (const client of this.sockets.clients) client.terminate()
    for (const response of this.streams) response.destroy()
    this.sockets.close()
  }

  private beat(): void {
    for (const response of this.streams) if (!response.writableNeedDrain) response.write(':\n\n')
    for (const client of this.sockets.clients) {
      if (!this.alive.delete(client)) client.terminate()
      else client.ping()
    }
  }
}
