import { timingSafeEqual } from 'node:crypto'
import { createServer, type Server, type Socket } from 'node:net'
import { isTvmNodeError, TvmNodeError } from '../errors.js'
import { makePrivateFolder, removePrivateFolder, removeStaleFolders } from '../private-folders.js'
import { Engine } from '../process/engine.js'
import { Gate } from '../process/gate.js'
import { isHungUp, stopReading, takeBack } from '../process/socket-handle.js'
import { type Address, formatAddress, type ListenOptions, listenFirst, SERVER_PORT } from './address.js'
import { readGreeting } from './greeting.js'
import { PeerLimit } from './peer-limit.js'
import { DEAD_AFTER_S, EXPIRED, exceptionPacket, SERVER_MISMATCH, word } from './protocol.js'
import { Registration } from './registration.js'
import type { ServeCall } from './serve-task.js'

/** Where a server listens, and what it allows. */
export interface RpcServerOptions extends Partial<ListenOptions> {
  /** The board's key: what clients ask the tracker for. Needed with a tracker. */
  readonly key?: string
  readonly tracker?: Address
  /** The host that the tracker tells clients; default the address that it sees. */
  readonly customAddress?: string
  /** Sessions at once; default 1, since they would disturb each other's measurements. Further clients wait. */
  readonly sessions?: number
  /** Seconds for a session at most; default as long as the client asked for. */
  readonly maxSessionSeconds?: number
  /** Bytes that a session may upload altogether; default 2 GiB. */
  readonly maxUploadBytes?: number
  /** Libraries that each session opens first. */
  readonly libraries?: readonly string[]
  /** Hears of sessions and of what clients do wrong. */
  readonly onLog?: (line: string) => void
}

/** Connections that may wait for a session, half of them from one address. */
const MOST_WAITING = 128
const DEFAULT_UPLOAD = 2 ** 31

/**
 * Lets clients run what they bring, in TVM's own protocol (TVM v0.18, python/tvm/rpc/server.py). Each session is a process with a
 * folder of its own; when it ends, however it ends, nothing of it is left.
 */
export class RpcServer {
  private readonly server: Server
  private readonly gate: Gate
  private readonly limit: PeerLimit
  /** Connections, each with what is done for it. */
  private readonly sockets = new Map<Socket, Promise<void>>()
  private readonly engines = new Set<Engine>()
  /** A process that has opened the library and waits for its session. */
  private spare: Promise<Engine> | undefined
  private registration: Registration | undefined
  private bound: Address = { host: '', port: 0 }
  private ended: Promise<void> | undefined

  private constructor(private readonly options: RpcServerOptions) {
    this.gate = new Gate(options.sessions ?? 1)
    this.server = createServer((socket) => this.accept(socket))
    this.server.maxConnections = MOST_WAITING + (options.sessions ?? 1)
    this.limit = new PeerLimit(MOST_WAITING / 2 + (options.sessions ?? 1))
  }

  /**
   * Listens on loopback and the first free port from 9090 on unless told otherwise, with a first process ready.
   *
   * @throws `ERR_LISTEN`, `ERR_INVALID_ARGUMENT` for a tracker without a key, `ERR_NO_BUNDLE`
   */
  static async start(options: RpcServerOptions = {}): Promise<RpcServer> {
    if (options.tracker && !options.key) {
      throw new TvmNodeError('ERR_INVALID_ARGUMENT', 'a server that has a tracker needs a key')
    }
    const server = new RpcServer(options)
    await removeStaleFolders()
    try {
      server.spare = server.prepare()
      await server.spare
      server.bound = await listenFirst(server.server, { port: SERVER_PORT, ...options })
      server.register()
      return server
    } catch (error) {
      await server.close()
      throw error
    }
  }

  /** Where it listens. */
  get address(): Address {
    return this.bound
  }
  /** What clients ask the tracker for. */
  get key(): string {
    return this.options.key ?? ''
  }

  /** Ends all sessions. Safe to call twice. */
  async close(): Promise<void> {
    this.ended ??= this.end()
    await this.ended
  }

  private async end(): Promise<void> {
    this.registration?.close()
    // Its callback is not waited for: Node never calls it once a process that had a connection of this server has ended.
    this.server.close()
    for (const engine of this.engines) engine.kill()
    for (const socket of this.sockets.keys()) socket.destroy()
    await Promise.all(this.sockets.values())
  }
  /** As `dispose`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  private register(): void {
    const { tracker, customAddress, sessions = 1 } = this.options
    if (!tracker) return
    this.registration = new Registration({
      tracker,
      customAddress,
      key: this.key,
      port: this.bound.port,
      onLog: (line) => this.log(line),
    })
    for (let i = 0; i < sessions; i++) this.registration.offer()
  }

  private log(line: string): void {
    this.options.onLog?.(line)
  }

  private accept(socket: Socket): void {
    const peer = formatAddress({ host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 })
    if (!this.limit.admits(socket)) {
      this.log(`${peer}: its address has too many connections`)
      socket.on('error', () => undefined).destroy()
      return
    }
    socket.setNoDelay(true)
    socket.setKeepAlive(true, (DEAD_AFTER_S * 1000) / 2)
    const served = this.receive(socket, peer)
      .catch((error: Error) => this.log(`${peer}: ${error.message}`))
      .finally(() => {
        this.sockets.delete(socket)
        socket.destroy()
      })
    this.sockets.set(socket, served)
  }

  private async receive(socket: Socket, peer: string): Promise<void> {
    const [key, ...options] = await readGreeting(socket, peer)
    // What follows is for the session's process.
    stopReading(socket)
    if (socket.readableLength > 0)
      throw new TvmNodeError('ERR_PROTOCOL', 'it did not wait for an answer to its key')
    if (!this.admits(key as string)) {
      await new Promise<void>((sent) => socket.end(word(SERVER_MISMATCH), sent))
      this.log(`${peer} has no key for a session`)
      return
    }
    try {
      await this.gate.run(() => this.serve(socket, peer, this.allowedSeconds(options)))
    } finally {
      if (!this.ended) this.registration?.offer()
    }
  }

  private admits(key: string): boolean {
    if (!key.startsWith('client:')) return false
    const given = key.slice('client:'.length)
    if (this.registration) return this.registration.claim(given)
    const [a, b] = [Buffer.from(given), Buffer.from(this.key)]
    return a.length === b.length && timingSafeEqual(a, b)
  }

  /** What the client asks for, within what the server allows; undefined for no end. */
  private allowedSeconds(options: readonly string[]): number | undefined {
    const asked = options.find((option) => option.startsWith('-timeout='))?.slice('-timeout='.length)
    const wishes = [Number(asked), this.options.maxSessionSeconds ?? Number.NaN].filter((wish) => wish > 0)
    return wishes.length > 0 ? Math.min(...wishes) : undefined
  }

  private async serve(socket: Socket, peer: string, seconds: number | undefined): Promise<void> {
    if (socket.destroyed || this.ended) return
    const { maxUploadBytes = DEFAULT_UPLOAD } = this.options
    this.log(`${peer}: session begins`)
    const started = performance.now()
    const engine = await this.takeEngine()
    const folder = await makePrivateFolder('session')
    let how = 'ended'
    using departure = new Departure(socket)
    try {
      const call: ServeCall = { type: 'serve', serverKey: this.key, folder, maxUploadBytes }
      await engine.run('rpc-serve', call, {
        socket,
        signal: departure.signal,
        ...(seconds !== undefined && { timeoutMs: seconds * 1000 }),
      })
    } catch (error) {
      how = `ended: ${(error as Error).message}`
      if (isTvmNodeError(error, 'ERR_TIMEOUT') && seconds !== undefined) await expire(socket, seconds)
    } finally {
      this.discard(engine)
      // Not before: starting a process would disturb what the session measures.
      if (!this.ended) this.spare ??= this.prepare()
      this.spare?.catch(() => undefined)
      await removePrivateFolder(folder)
    }
    this.log(`${peer}: session ${how} after ${((performance.now() - started) / 1000).toFixed(1)} s`)
  }

  private async takeEngine(): Promise<Engine> {
    const { spare } = this
    this.spare = undefined
    const engine = await spare?.catch(() => undefined)
    return engine?.alive ? engine : this.prepare()
  }

  /** Starts a process for one session. */
  private async prepare(): Promise<Engine> {
    const engine = new Engine()
    this.engines.add(engine)
    try {
      const call: ServeCall = { type: 'prepare', libraries: this.options.libraries ?? [] }
      await engine.run('rpc-serve', call, { timeoutMs: 60_000 })
      return engine
    } catch (error) {
      this.discard(engine)
      throw error
    }
  }

  private discard(engine: Engine): void {
    this.engines.delete(engine)
    engine.kill()
  }
}

/** Milliseconds between looks at a client; one that is gone twice in a row is. */
const LOOK = 1000

/**
 * Aborts a signal when a client is gone. A session in the middle of a long call would not notice: it reads again when the call is
 * done.
 */
class Departure implements Disposable {
  private readonly controller = new AbortController()
  private readonly timer: NodeJS.Timeout
  private missed = 0

  constructor(socket: Socket) {
    this.timer = setInterval(() => {
      this.missed = isHungUp(socket) ? this.missed + 1 : 0
      if (this.missed > 1) this.controller.abort(new TvmNodeError('ERR_CONNECTION', 'the client is gone'))
    }, LOOK)
  }

  get signal(): AbortSignal {
    return this.controller.signal
  }

  [Symbol.dispose](): void {
    clearInterval(this.timer)
  }
}

/** Tells a client that its time is over; its session's process has ended. */
async function expire(socket: Socket, seconds: number): Promise<void> {
  takeBack(socket)
  const text = `${EXPIRED}Your ${seconds}s session has expired, try to increase the "session_timeout" value.`
  const sent = new Promise<void>((resolve) => {
    socket.end(exceptionPacket(text), resolve)
    socket.once('close', () => resolve())
  })
  const late = new Promise<void>((resolve) => setTimeout(resolve, 1000).unref())
  await Promise.race([sent, late])
}
