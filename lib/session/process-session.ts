import { isDeepStrictEqual } from 'node:util'
import { TvmNodeError } from '../errors.js'
import type { Limits } from '../limits.js'
import { native } from '../native.js'
import { Engine } from '../process/engine.js'
import type { ArtifactMetadata, TensorInfo } from './artifact.js'
import {
  type CallOptions,
  checkCallOptions,
  checkProfileOptions,
  type ProfileOptions,
} from './call-options.js'
import { CallQueue } from './call-queue.js'
import { type EngineCall, type Opened, sharedTensors } from './engine-task.js'
import { checkInputs, type NamedTensors } from './inputs.js'
import type { LoadOptions, ProfileReport, Session } from './session.js'

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
    return this.call(inputs, options, async (connection, signal) => {
      await connection.call({ type: 'run' }, { signal })
      return connection.tensors.outputs.read()
    })
  }

  async profile(inputs: NamedTensors, options: ProfileOptions = {}): Promise<ProfileReport> {
    checkProfileOptions(options)
    return this.call(inputs, options, async (connection, signal) => {
      const report = await connection.call({ type: 'profile', repeat: options.repeat }, { signal })
      return { outputs: connection.tensors.outputs.read(), ...(report as Omit<ProfileReport, 'outputs'>) }
    })
  }

  private async call<T>(
    inputs: NamedTensors,
    limits: Limits,
    work: (connection: Connection, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (this.isDisposed) throw new TvmNodeError('ERR_DISPOSED', 'this session was disposed')
    checkInputs(inputs, this.inputs)
    return this.queue.add(limits, async (signal) => {
      if (!this.connection.alive) await this.reconnect({ signal })
      this.connection.tensors.inputs.write(inputs)
      return work(this.connection, signal)
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
      this.connection = connection.alive
        ? await connection.reopen(path, { signal })
        : await Connection.open(path, threads, { signal })
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

/** An engine with the artifact loaded, and the memory shared with it. */
class Connection {
  readonly metadata: ArtifactMetadata
  readonly threads: number
  readonly tensors: ReturnType<typeof sharedTensors>

  private constructor(
    private readonly engine: Engine,
    { metadata, threads, memory }: Opened,
  ) {
    this.metadata = metadata
    this.threads = threads
    this.tensors = sharedTensors(native.sharedMemoryOpen(memory.name, memory.size), metadata)
  }

  static open(path: string, threads: number | undefined, limits: Limits): Promise<Connection> {
    return Connection.openIn(new Engine(), path, threads, limits)
  }

  /** The same engine with another artifact. */
  reopen(path: string, limits: Limits): Promise<Connection> {
    return Connection.openIn(this.engine, path, this.threads, limits)
  }

  private static async openIn(
    engine: Engine,
    path: string,
    threads: number | undefined,
    limits: Limits,
  ): Promise<Connection> {
    try {
      const call: EngineCall = { type: 'open', path, threads }
      return new Connection(engine, (await engine.run('session', call, limits)) as Opened)
    } catch (error) {
      engine.kill()
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
  }
}
