import { createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Address, formatAddress, listenFirst } from './address.js'
import { readGreeting } from './greeting.js'
import { SERVER_MAGIC, SERVER_MISMATCH, textFrame, word } from './protocol.js'
import { Registration } from './registration.js'

export interface RelayOptions {
  readonly tracker: Address
  /** What clients ask the tracker for. */
  readonly key: string
  /** What the server itself expects of its clients. */
  readonly serverKey: string
  /** Opens a way to the server. */
  readonly open: () => Promise<Duplex>
  readonly onLog?: (line: string) => void
}

/**
 * Offers a server that no tracker reaches, for example one behind SSH, to a tracker: listens on loopback in the server's place and hands
 * each session that the tracker granted through. The server needs to know of no tracker, and its port may be any.
 */
export class RpcRelay implements AsyncDisposable {
  private readonly sockets = new Set<Socket>()
  private readonly server: Server
  private registration: Registration | undefined

  private constructor(private readonly options: RelayOptions) {
    this.server = createServer((socket) => this.accept(socket))
  }

  /** @throws `ERR_LISTEN` */
  static async start(options: RelayOptions): Promise<RpcRelay> {
    const relay = new RpcRelay(options)
    const { port } = await listenFirst(relay.server, { port: 0 })
    const { tracker, key, onLog = () => undefined } = options
    relay.registration = new Registration({ tracker, key, port, onLog })
    // The server has one session at a time.
    relay.registration.offer()
    return relay
  }

  private accept(socket: Socket): void {
    const peer = formatAddress({ host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 })
    this.sockets.add(socket)
    socket.setNoDelay(true)
    this.admit(socket, peer).catch((error: Error) => {
      this.options.onLog?.(`${peer}: ${error.message}`)
      socket.destroy()
    })
    socket.once('close', () => this.sockets.delete(socket))
  }

  private async admit(socket: Socket, peer: string): Promise<void> {
    const [key = '', ...rest] = await readGreeting(socket, peer)
    if (!this.registration?.claim(key.replace(/^client:/, ''))) {
      socket.end(word(SERVER_MISMATCH))
      return
    }
    socket.once('close', () => this.server.listening && this.registration?.offer())
    const way = await this.options.open()
    const greeting = [`client:${this.options.serverKey}`, ...rest].join(' ')
    way.write(Buffer.concat([word(SERVER_MAGIC), textFrame(greeting)]))
    way.on('error', () => socket.destroy())
    way.once('close', () => socket.destroy())
    socket.once('close', () => way.destroy())
    socket.pipe(way).pipe(socket)
  }

  /** Ends the sessions that go through it. Safe to call twice. */
  async close(): Promise<void> {
    this.registration?.close()
    this.server.close()
    for (const socket of this.sockets) socket.destroy()
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
