import { isDeepStrictEqual } from 'node:util'
import { TvmNodeError } from '../errors.js'
import type { Limits } from '../limits.js'
import { Engine } from '../process/engine.js'
import type { ArtifactMetadata, TensorInfo } from './artifact.js'
import {
  type CallOptions,
  checkCallOptions,
  checkProfileOptions,
  type ProfileOptions,
} from './call-options.js'
import { CallQueue } from './call-queue.js'
import type { EngineCall, Opened, Ran } from './engine-task.js'
import { checkInputs, type NamedTensors } from './inputs.js'
import type { LoadOptions, ProfileReport, Session } from './session.js'
import { Inbox, Outbox, type Parcel, TensorChannel } from './shared-tensors.js'

/**
 * A session in a child process: a crash of generated code rejects one promise and harms nothing else. The next call gets a new
 * process. Tensors travel through shared memory.
 */
export class ProcessSession implements Session {
  private readonly queue = new CallQueue(true)
  private isDisposed = false

  private constructor(
    private path: string,
    private connection: Connection,
  ) {}

  static async open(path: string, { threads, ...limits }: LoadOptions): Promise<ProcessSession> {
    return new ProcessSession(path, await Connection.open(path, threads, limits))
  }

  get metadata(): ArtifactMetadata {
    return this.connection.metadata
  }
  get inputs(): readonly TensorInfo[] {
    return this.metadata.inputs
  }
  get outputs(): readonly TensorInfo[] {
    return this.metadata.outputs
  }
  get threads(): number {
    return this.connection.threads
  }
  get disposed(): boolean {
    return this.isDisposed
  }

  async run(inputs: NamedTensors, options: CallOptions = {}): Promise<NamedTensors> {
    checkCallOptions(options)
    const { outputs } = await this.call(inputs, options, (parcel) => ({ type: 'run', inputs: parcel }))
    return outputs
  }

  async profile(inputs: NamedTensors, options: ProfileOptions = {}): Promise<ProfileReport> {
    checkProfileOptions(options)
    const { repeat } = options
    const { outputs, report } = await this.call(inputs, options, (parcel) => ({
      type: 'profile',
      inputs: parcel,
      repeat,
    }))
    return { outputs, ...(report as Omit<ProfileReport, 'outputs'>) }
  }

  private async call(
    inputs: NamedTensors,
    limits: Limits,
    message: (inputs: Parcel) => EngineCall,
  ): Promise<{ outputs: NamedTensors; report: Ran['report'] }> {
    if (this.isDisposed) throw new TvmNodeError('ERR_DISPOSED', 'this session was disposed')
    checkInputs(inputs, this.inputs, this.metadata.assumed)
    return this.queue.add(limits, async (signal) => {
      if (!this.connection.alive) await this.reconnect({ signal })
      const { connection } = this
      const ran = (await connection.call(message(connection.outbox.put(inputs)), { signal })) as Ran
      return { outputs: connection.inbox.take(ran.outputs), report: ran.report }
    })
  }

  /**
   * Loads another artifact in place of this one, in the process that is there: starting one takes longer than loading. When that
   * fails, the process ends, and the next call gets a new one with what was loaded before.
   */
  async replace(path: string, limits: Limits = {}): Promise<void> {
    if (this.isDisposed) throw new TvmNodeError('ERR_DISPOSED', 'this session was disposed')
    await this.queue.add(limits, async (signal) => {
      const { connection, threads } = this
      if (connection.alive) this.connection = await connection.reopen(path, { signal })
      else {
        this.connection = await Connection.open(path, threads, { signal })
        connection.close()
      }
      this.path = path
    })
  }

  private async reconnect(limits: Limits): Promise<void> {
    const connection = await Connection.open(this.path, this.threads, limits)
    if (!isDeepStrictEqual(connection.metadata, this.metadata)) {
      connection.close()
      throw new TvmNodeError('ERR_ARTIFACT_DAMAGED', `${this.path} has changed since it was loaded`, {
        details: { path: this.path },
      })
    }
    this.connection.close()
    this.connection = connection
  }

  async dispose(): Promise<void> {
    if (this.isDisposed) return
    this.isDisposed = true
    await this.queue.idle()
    this.connection.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }
}

/** An engine with the artifact loaded. */
class Connection {
  readonly metadata: ArtifactMetadata
  readonly threads: number
  readonly outbox: Outbox
  readonly inbox: Inbox

  private constructor(
    private readonly engine: Engine,
    private readonly channel: TensorChannel,
    { metadata, threads }: Opened,
  ) {
    this.metadata = metadata
    this.threads = threads
    this.outbox = new Outbox(channel.there, metadata.inputs)
    this.inbox = new Inbox(channel.back, metadata.outputs)
  }

  static open(path: string, threads: number | undefined, limits: Limits): Promise<Connection> {
    const channel = new TensorChannel()
    const engine = new Engine({ descriptors: channel.descriptors })
    return Connection.openIn(engine, channel, path, threads, limits)
  }

  /** The same engine with another artifact. */
  reopen(path: string, limits: Limits): Promise<Connection> {
    return Connection.openIn(this.engine, this.channel, path, this.threads, limits)
  }

  private static async openIn(
    engine: Engine,
    channel: TensorChannel,
    path: string,
    threads: number | undefined,
    limits: Limits,
  ): Promise<Connection> {
    try {
      const call: EngineCall = { type: 'open', path, threads }
      return new Connection(engine, channel, (await engine.run('session', call, limits)) as Opened)
    } catch (error) {
      engine.kill()
      channel.close()
      throw error
    }
  }

  get alive(): boolean {
    return this.engine.alive
  }

  call(call: EngineCall, limits: Limits): Promise<unknown> {
    return this.engine.run('session', call, limits)
  }

  close(): void {
    this.engine.kill()
    this.channel.close()
  }
}
