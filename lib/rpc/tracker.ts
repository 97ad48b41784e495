import { timingSafeEqual } from 'node:crypto'
import { createServer, type Server, type Socket } from 'node:net'
import { z } from 'zod'
import { isTvmNodeError, TvmNodeError } from '../errors.js'
import { type Address, formatAddress, type ListenOptions, listenFirst, TRACKER_PORT } from './address.js'
import { ByteReader } from './byte-reader.js'
import { PeerLimit } from './peer-limit.js'
import {
  DEAD_AFTER_S,
  LONGEST_MESSAGE,
  LONGEST_REQUEST,
  MESSAGE_PATIENCE,
  messageFrame,
  TRACKER_MAGIC,
  TrackerCode,
  word,
} from './protocol.js'
import { type Resource, ResourceQueue } from './resource-queue.js'
import type { ServerInfo, TrackerSummary } from './tracker-summary.js'

/** Where a tracker listens, and what it allows. */
export interface TrackerOptions extends Partial<ListenOptions> {
  /** Whoever sends it ends the tracker; default nobody can. */
  readonly stopKey?: string
  /** Connections at once; further ones are closed at once. Default 1024. */
  readonly maxConnections?: number
  /** Those of one address; boards and clients that come through forwards share one. Default half of all. */
  readonly maxConnectionsPerAddress?: number
  /** Hears what peers do wrong. */
  readonly onLog?: (line: string) => void
}

/** Milliseconds within which a new connection says what it is. */
const GREETING = 10_000
/** Bytes of replies that may wait for a peer that does not read. */
const MOST_UNREAD = 4 * LONGEST_MESSAGE
/** Keys that clients can make up; each costs a queue. */
const MOST_KEYS = 2000
/** Sessions that one connection may offer and ask for at once. */
const MOST_OPEN = 256
const DEFAULT_CONNECTIONS = 1024

const key = z.string().max(255)
const port = z.int().min(1).max(65535)
const matchKey = z.string().min(1).max(512)
const host = z.string().max(255)

const { PING, STOP, PUT, REQUEST, UPDATE_INFO, SUMMARY, GET_PENDING_MATCHKEYS } = TrackerCode
const requestSchema = z.union([
  z.tuple([z.literal(PING)]),
  z.tuple([z.literal(STOP), z.string()]),
  z.tuple([z.literal(PUT), key, z.tuple([port, matchKey])]).rest(host.nullable()),
  z.tuple([z.literal(REQUEST), key, z.string(), z.number()]),
  z.tuple([
    z.literal(UPDATE_INFO),
    z.looseObject({ key: key.optional(), addr: z.tuple([host.nullable(), port]).optional() }),
  ]),
  z.tuple([z.literal(SUMMARY)]),
  z.tuple([z.literal(GET_PENDING_MATCHKEYS)]),
])
type TrackerRequest = z.output<typeof requestSchema>

/**
 * Brings those who look for a board together with the servers on boards, in TVM's own protocol (TVM v0.18,
 * python/tvm/rpc/tracker.py). What a connection put or asked for ends with it.
 */
export class Tracker {
  private readonly queues = new Map<string, ResourceQueue<Peer>>()
  private readonly peers = new Set<Peer>()
  private readonly server: Server
  private readonly limit: PeerLimit
  private ended: Promise<void> | undefined
  private bound: Address = { host: '', port: 0 }
  private readonly closed: Promise<void>

  private constructor(private readonly options: TrackerOptions) {
    this.server = createServer((socket) => this.accept(socket))
    const { maxConnections = DEFAULT_CONNECTIONS } = options
    this.server.maxConnections = maxConnections
    this.limit = new PeerLimit(options.maxConnectionsPerAddress ?? Math.ceil(maxConnections / 2))
    this.closed = new Promise((resolve) => this.server.once('close', resolve))
  }

  /** Listens on loopback and the first free port from 9190 on unless told otherwise. @throws `ERR_LISTEN` */
  static async start(options: TrackerOptions = {}): Promise<Tracker> {
    const tracker = new Tracker(options)
    tracker.bound = await listenFirst(tracker.server, { port: TRACKER_PORT, ...options })
    return tracker
  }

  /** Where it listens. */
  get address(): Address {
    return this.bound
  }

  /** Its boards and those who wait for them, as it tells clients. */
  summary(): TrackerSummary {
    const queues = [...this.queues].map(([name, queue]) => [name, queue.counts] as const)
    return {
      queue_info: Object.fromEntries(queues),
      server_info: [...this.peers].map(({ info }) => info).filter((info) => info.key?.startsWith('server')),
    }
  }

  /** Resolves when the tracker has ended, be it by a client's request. */
  done(): Promise<void> {
    return this.closed
  }

  /** Ends all connections. Safe to call twice. */
  async close(): Promise<void> {
    this.ended ??= new Promise((resolve) => {
      this.server.close(() => resolve())
      for (const peer of this.peers) peer.socket.destroy()
    })
    await this.ended
  }
  /** As `dispose`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  private accept(socket: Socket): void {
    const peer = new Peer(socket)
    if (!this.limit.admits(socket)) {
      this.options.onLog?.(`${peer.name}: its address has too many connections`)
      socket.destroy()
      return
    }
    this.peers.add(peer)
    socket.once('close', () => {
      this.peers.delete(peer)
      for (const queue of this.queues.values()) queue.remove(peer)
    })
    this.serve(peer).catch((error: unknown) => {
      // Peers come and go; only what breaks the protocol is worth a line.
      if (!isTvmNodeError(error, 'ERR_CONNECTION'))
        this.options.onLog?.(`${peer.name}: ${(error as Error).message}`)
      socket.destroy()
    })
  }

  private async serve(peer: Peer): Promise<void> {
    const reader = new ByteReader(peer.socket, peer.name, MESSAGE_PATIENCE)
    const late = setTimeout(() => peer.socket.destroy(), GREETING)
    const greeted = await reader.word().finally(() => clearTimeout(late))
    if (greeted !== TRACKER_MAGIC)
      throw new TvmNodeError('ERR_PROTOCOL', 'it does not speak the protocol of trackers')
    peer.send(word(TRACKER_MAGIC))
    for (;;) {
      const request = parse(await reader.text(LONGEST_REQUEST))
      if (this.answer(peer, request) === 'stop') return this.close()
    }
  }

  private answer(peer: Peer, request: TrackerRequest): 'stop' | undefined {
    const reply = (value: unknown) => peer.send(messageFrame(value))
    switch (request[0]) {
      case PING:
        reply(TrackerCode.SUCCESS)
        return
      case STOP: {
        const right = isSame(request[1], this.options.stopKey)
        reply(right ? TrackerCode.SUCCESS : TrackerCode.FAIL)
        return right ? 'stop' : undefined
      }
      case PUT: {
        const [, name, [port, matchKey], customHost] = request
        peer.open()
        this.queue(name).put({ owner: peer, host: customHost ?? peer.host, port, matchKey })
        reply(TrackerCode.SUCCESS)
        return
      }
      case REQUEST: {
        const [, name, , priority] = request
        peer.open()
        const grant = ({ owner, host, port, matchKey }: Resource<Peer>) => {
          if (!peer.alive) return false
          for (const side of [owner, peer]) side.openCount--
          return reply([TrackerCode.SUCCESS, [host, port, matchKey]])
        }
        this.queue(name).request({ owner: peer, priority, grant })
        return
      }
      case UPDATE_INFO: {
        const { key, addr } = request[1]
        peer.update(key, addr)
        reply(TrackerCode.SUCCESS)
        return
      }
      case SUMMARY:
        reply([TrackerCode.SUCCESS, this.summary()])
        return
      case GET_PENDING_MATCHKEYS:
        reply([...this.queues.values()].flatMap((queue) => queue.matchKeysOf(peer)))
        return
    }
  }

  private queue(name: string): ResourceQueue<Peer> {
    const known = this.queues.get(name)
    if (known) return known
    if (this.queues.size >= MOST_KEYS) this.forgetIdleQueues()
    const queue = new ResourceQueue<Peer>()
    this.queues.set(name, queue)
    return queue
  }

  private forgetIdleQueues(): void {
    for (const [name, { counts }] of this.queues)
      if (counts.free === 0 && counts.pending === 0) this.queues.delete(name)
    if (this.queues.size >= MOST_KEYS) throw new TvmNodeError('ERR_PROTOCOL', 'there are too many keys')
  }
}

/** One connection with the tracker. */
class Peer {
  readonly name: string
  readonly host: string
  readonly info: ServerInfo = {}
  /** Sessions that it offers or asks for, without those that were granted. */
  openCount = 0

  constructor(readonly socket: Socket) {
    this.host = (socket.remoteAddress ?? '').replace(/^::ffff:/, '')
    this.name = formatAddress({ host: this.host, port: socket.remotePort ?? 0 })
    this.info.addr = [this.host, socket.remotePort ?? 0]
    socket.setNoDelay(true)
    socket.setKeepAlive(true, (DEAD_AFTER_S * 1000) / 2)
    socket.on('error', () => socket.destroy())
  }

  get alive(): boolean {
    return this.socket.writable && !this.socket.destroyed
  }

  /** Offers or asks for one more session. @throws `ERR_PROTOCOL` */
  open(): void {
    if (++this.openCount <= MOST_OPEN) return
    throw new TvmNodeError('ERR_PROTOCOL', `it offers and asks for more than ${MOST_OPEN} sessions at once`)
  }

  /** Says what the peer is. */
  update(key: string | undefined, addr: [string | null, number] | undefined): void {
    if (key !== undefined) this.info.key = key
    if (addr) this.info.addr = [addr[0] ?? this.host, addr[1]]
  }

  send(bytes: Buffer): true {
    if (this.socket.writableLength > MOST_UNREAD) this.socket.destroy()
    else this.socket.write(bytes)
    return true
  }
}

/** @throws `ERR_PROTOCOL` */
function parse(text: string): TrackerRequest {
  try {
    return requestSchema.parse(JSON.parse(text))
  } catch (cause) {
    const shown = text.length > 80 ? `${text.slice(0, 80)}...` : text
    throw new TvmNodeError('ERR_PROTOCOL', `it sent ${JSON.stringify(shown)}, which is no request`, { cause })
  }
}

function isSame(given: string, expected: string | undefined): boolean {
  if (expected === undefined) return false
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}
