import { isTvmNodeError, TvmNodeError } from '../errors.js'
import type { Limits } from '../limits.js'
import type { LineDescription } from '../micro/line.js'
import { Engine } from '../process/engine.js'
import type { Timing, TvmArg } from '../runtime/index.js'
import type { CodeNeeds, Processor } from '../session/artifact.js'
import { CallQueue } from '../session/call-queue.js'
import type { ArtifactSource } from '../session/load.js'
import type { Session } from '../session/session.js'
import { TensorChannel } from '../session/shared-tensors.js'
import { type Address, formatAddress } from './address.js'
import type { KernelArgument } from './board-timing.js'
import { RemoteNetwork } from './remote-network.js'
import type { RemoteCall, RemoteOpened } from './remote-task.js'

/** What a server is told by its client; `timeoutMs` bounds the connecting, default 30 s. */
export interface ConnectOptions extends Limits {
  /** What the server expects: its own key, or the match key that a tracker granted. */
  readonly key?: string
  /** Seconds after which the server ends the session; default never. */
  readonly seconds?: number
}

/** Milliseconds for a connection. */
const CONNECT = 30_000

/**
 * A session on a board's server, of this package or of TVM's own (TVM v0.18, python/tvm/rpc/client.py). The blocking client of the
 * library runs in a process of its own; a call that reaches its limits ends process and session.
 */
export class RemoteSession implements AsyncDisposable {
  private readonly queue = new CallQueue(true)
  private isDisposed = false

  private constructor(
    /** What it is with, for people: an address or a board. */
    private readonly where: string,
    /** Undefined for boards at the end of a line. */
    readonly address: Address | undefined,
    private readonly engine: Engine,
    /** @internal For the tensors of all its networks, one call at a time. */
    readonly channel: TensorChannel,
  ) {}

  /** @throws `ERR_CONNECTION`, `ERR_PROTOCOL`, `ERR_SESSION_KEY`, `ERR_TIMEOUT` */
  static async connect(
    address: Address,
    { key = '', seconds, signal, timeoutMs = CONNECT }: ConnectOptions = {},
  ): Promise<RemoteSession> {
    const call = { type: 'connect', address, key, seconds } as const
    return RemoteSession.begin(formatAddress(address), address, call, { signal, timeoutMs })
  }

  /**
   * A session with a board at the other end of a line.
   *
   * @param name - What the board is called in errors.
   * @throws `ERR_CONNECTION`, `ERR_PROTOCOL`, `ERR_TIMEOUT`
   */
  static attach(
    name: string,
    line: LineDescription,
    { signal, timeoutMs = CONNECT }: Limits = {},
  ): Promise<RemoteSession> {
    return RemoteSession.begin(name, undefined, { type: 'attach', line }, { signal, timeoutMs })
  }

  /**
   * Ends what this session is with and begins anew at another line: the next program of a board, without another process.
   *
   * @throws as `attach`; the session is then lost
   */
  async reattach(line: LineDescription, { signal, timeoutMs = CONNECT }: Limits = {}): Promise<void> {
    await this.call({ type: 'attach', line }, { signal, timeoutMs })
  }

  private static async begin(
    where: string,
    address: Address | undefined,
    call: RemoteCall,
    limits: Limits,
  ): Promise<RemoteSession> {
    const channel = new TensorChannel()
    const engine = new Engine({ descriptors: channel.descriptors })
    const session = new RemoteSession(where, address, engine, channel)
    try {
      await session.call(call, limits)
      return session
    } catch (error) {
      engine.kill()
      channel.close()
      throw error
    }
  }

  /** Whether calls are possible. */
  get alive(): boolean {
    return !this.isDisposed && this.engine.alive
  }

  /**
   * Brings a file onto the board.
   *
   * @param name - What it is called there; default the file's own name.
   * @throws `ERR_REMOTE`, `ERR_CONNECTION`, `ERR_SESSION_EXPIRED`, `ERR_TIMEOUT`
   */
  async upload(path: string, name?: string, limits?: Limits): Promise<void> {
    await this.call({ type: 'upload', path, name }, limits)
  }

  /** The contents of a file on the board. @throws as `upload` */
  async download(name: string, limits?: Limits): Promise<Uint8Array> {
    return (await this.call({ type: 'download', name, linked: false }, limits)) as Uint8Array
  }

  /** The shared library that the board makes of an uploaded object or archive of objects. @throws as `upload` */
  async downloadLinked(name: string, limits?: Limits): Promise<Uint8Array> {
    return (await this.call({ type: 'download', name, linked: true }, limits)) as Uint8Array
  }

  /** Removes a file from the session's folder on the board. @throws as `upload` */
  async remove(name: string, limits?: Limits): Promise<void> {
    await this.call({ type: 'remove', name }, limits)
  }

  /** Calls a function of the board's registry with plain values. @throws as `upload` */
  invoke(name: string, args: readonly TvmArg[] = [], limits?: Limits): Promise<unknown> {
    return this.call({ type: 'call', name, args }, limits)
  }

  /**
   * Times a kernel on the board.
   *
   * @param path - A library of this machine of which it is the only function; undefined where it is part of the board's program.
   * @returns Seconds a call, one a measurement.
   * @throws as `upload`
   */
  async timeKernel(
    path: string | undefined,
    args: readonly KernelArgument[],
    timing: Timing,
    limits?: Limits,
  ): Promise<number[]> {
    return (await this.call({ type: 'time', path, args, timing }, limits)) as number[]
  }

  /**
   * Brings an artifact onto the board and loads it there, if the board's processor can run it. The network ends with this session.
   *
   * @param processor - The board's; default what its server says, which only those of this package do.
   * @throws as `upload`, `ERR_CPU_FEATURES`, and those of reading an artifact
   */
  async load(artifact: ArtifactSource, limits?: Limits, processor?: Processor): Promise<Session> {
    const path = typeof artifact === 'string' ? artifact : artifact.path
    const opened = await this.call({ type: 'open', path, processor }, limits)
    return new RemoteNetwork(this, opened as RemoteOpened)
  }

  /** @internal Refuses code that the board's processor cannot run, where its server tells. @throws `ERR_CPU_FEATURES`, as `upload` */
  async check(code: CodeNeeds, limits?: Limits): Promise<void> {
    await this.call({ type: 'check', code }, limits)
  }

  /** @internal */
  call(call: RemoteCall, limits: Limits = {}): Promise<unknown> {
    return this.exchange(
      () => call,
      (result) => result,
      limits,
    )
  }

  /** @internal A call that is made when it is its turn, and whose result is read before the next one begins. */
  async exchange<T>(make: () => RemoteCall, read: (result: unknown) => T, limits: Limits): Promise<T> {
    const { where } = this
    if (this.isDisposed) throw new TvmNodeError('ERR_DISPOSED', `the session on ${where} was disposed`)
    if (!this.engine.alive) throw lost(where)
    return this.queue.add(limits, async (signal) => {
      try {
        return read(await this.engine.run('rpc-session', make(), { signal }))
      } catch (error) {
        // What is left of a broken connection is of no use.
        if (broken.some((code) => isTvmNodeError(error, code))) this.engine.kill()
        throw error
      }
    })
  }

  /** Ends the session after the calls in flight. Safe to call twice. */
  async dispose(): Promise<void> {
    if (this.isDisposed) return
    this.isDisposed = true
    await this.queue.answered()
    if (this.engine.alive) {
      const farewell: RemoteCall = { type: 'close' }
      await this.engine.run('rpc-session', farewell, { timeoutMs: 5000 }).catch(() => undefined)
    }
    this.engine.kill()
    this.channel.close()
  }
  /** As `dispose`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }
}

const broken = ['ERR_CONNECTION', 'ERR_SESSION_EXPIRED', 'ERR_PROTOCOL'] as const

function lost(where: string): TvmNodeError {
  return new TvmNodeError('ERR_CONNECTION', `the session on ${where} was lost`, { details: { peer: where } })
}
