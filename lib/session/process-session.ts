import { TvmNodeError } from '../errors.js'
import { Engine } from '../process/engine.js'
import type { ArtifactMetadata, TensorInfo } from './artifact.js'
import type { EngineAnswer, EngineCall } from './engine-task.js'
import { checkInputs, type NamedTensors } from './inputs.js'
import type { CallOptions, LoadOptions, ProfileReport, Session } from './session.js'

/** A session in a child process: a crash of generated code rejects one promise and ends the session, not the host. */
export class ProcessSession implements Session {
  readonly inputs: readonly TensorInfo[]
  readonly outputs: readonly TensorInfo[]
  private queue: Promise<unknown> = Promise.resolve()
  private isDisposed = false

  private constructor(
    private readonly engine: Engine,
    readonly metadata: ArtifactMetadata,
    readonly threads: number,
  ) {
    this.inputs = metadata.inputs
    this.outputs = metadata.outputs
  }

  static async open(path: string, options: LoadOptions): Promise<ProcessSession> {
    const engine = new Engine()
    try {
      const call: EngineCall = { type: 'open', path, threads: options.threads }
      const answer = (await engine.run('session', call, options)) as Extract<EngineAnswer, { type: 'opened' }>
      return new ProcessSession(engine, answer.metadata, answer.threads)
    } catch (error) {
      engine.kill()
      throw error
    }
  }

  get disposed(): boolean {
    return this.isDisposed
  }

  async run(inputs: NamedTensors, options: CallOptions = {}): Promise<NamedTensors> {
    checkInputs(inputs, this.inputs)
    return (await this.call({ type: 'run', inputs }, options)) as NamedTensors
  }

  async profile(
    inputs: NamedTensors,
    options: CallOptions & { readonly repeat?: number } = {},
  ): Promise<ProfileReport> {
    checkInputs(inputs, this.inputs)
    return (await this.call({ type: 'profile', inputs, repeat: options.repeat }, options)) as ProfileReport
  }

  private call(call: EngineCall, options: CallOptions): Promise<unknown> {
    if (this.isDisposed) return Promise.reject(new TvmNodeError('ERR_DISPOSED', 'this session was disposed'))
    const result = this.queue.then(() => this.engine.run('session', call, options))
    this.queue = result.catch(() => undefined)
    return result
  }

  async dispose(): Promise<void> {
    if (this.isDisposed) return
    this.isDisposed = true
    await this.queue
    this.engine.kill()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }
}
