import { TvmNodeError } from '../errors.js'
import type { Limits } from '../limits.js'
import { native } from '../native.js'
import type { ArtifactMetadata, TensorInfo } from '../session/artifact.js'
import {
  type CallOptions,
  checkCallOptions,
  checkProfileOptions,
  type ProfileOptions,
} from '../session/call-options.js'
import { CallQueue } from '../session/call-queue.js'
import { sharedTensors } from '../session/engine-task.js'
import { checkInputs, type NamedTensors } from '../session/inputs.js'
import type { ProfileReport, Session } from '../session/session.js'
import type { RemoteSession } from './remote-session.js'
import type { RemoteCall, RemoteOpened } from './remote-task.js'

const DEFAULT_REPEAT = 10

/** A network on a board. The board decides on how many threads it runs. */
export class RemoteNetwork implements Session {
  readonly metadata: ArtifactMetadata
  /** As the board has it, which does not say. */
  readonly threads = 0
  private readonly id: number
  private readonly tensors: ReturnType<typeof sharedTensors>
  private readonly queue = new CallQueue(true)
  private isDisposed = false

  constructor(
    private readonly session: RemoteSession,
    { id, metadata, memory }: RemoteOpened,
  ) {
    this.id = id
    this.metadata = metadata
    this.tensors = sharedTensors(native.sharedMemoryOpen(memory.name, memory.size), metadata)
  }

  get inputs(): readonly TensorInfo[] {
    return this.metadata.inputs
  }
  get outputs(): readonly TensorInfo[] {
    return this.metadata.outputs
  }
  get disposed(): boolean {
    return this.isDisposed
  }

  async run(inputs: NamedTensors, options: CallOptions = {}): Promise<NamedTensors> {
    checkCallOptions(options)
    const { outputs } = await this.call(inputs, options, { type: 'run', id: this.id })
    return outputs
  }

  async profile(inputs: NamedTensors, options: ProfileOptions = {}): Promise<ProfileReport> {
    checkProfileOptions(options)
    const { repeat = DEFAULT_REPEAT, ...limits } = options
    const { outputs, result } = await this.call(inputs, limits, { type: 'profile', id: this.id, repeat })
    return { outputs, ...(result as Omit<ProfileReport, 'outputs'>) }
  }

  private async call(
    inputs: NamedTensors,
    limits: Limits,
    call: RemoteCall,
  ): Promise<{ outputs: NamedTensors; result: unknown }> {
    if (this.isDisposed) throw new TvmNodeError('ERR_DISPOSED', 'this session was disposed')
    checkInputs(inputs, this.inputs)
    // The memory for tensors belongs to one call at a time.
    return this.queue.add(limits, async (signal) => {
      this.tensors.inputs.write(inputs)
      const result = await this.session.call(call, { signal })
      return { outputs: this.tensors.outputs.read(), result }
    })
  }

  /** Frees it on the board after the calls in flight; the board's session goes on. Safe to call twice. */
  async dispose(): Promise<void> {
    if (this.isDisposed) return
    this.isDisposed = true
    await this.queue.answered()
    // With a session that was lost it is gone already.
    if (this.session.alive) await this.session.call({ type: 'unload', id: this.id }).catch(() => undefined)
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }
}
