import { TvmNodeError } from '../errors.js'
import type { Limits } from '../limits.js'
import type { ArtifactMetadata, TensorInfo } from '../session/artifact.js'
import {
  type CallOptions,
  checkCallOptions,
  checkProfileOptions,
  type ProfileOptions,
} from '../session/call-options.js'
import { CallQueue } from '../session/call-queue.js'
import type { Ran } from '../session/engine-task.js'
import { checkInputs, type NamedTensors } from '../session/inputs.js'
import type { BoardUsage, ProfileReport, Session } from '../session/session.js'
import { Inbox, Outbox, type Parcel } from '../session/shared-tensors.js'
import type { RemoteSession } from './remote-session.js'
import type { RemoteCall, RemoteOpened } from './remote-task.js'

const DEFAULT_REPEAT = 10

/** A network on a board. The board decides on how many threads it runs. */
export class RemoteNetwork implements Session {
  readonly metadata: ArtifactMetadata
  /** As the board has it, which does not say. */
  readonly threads = 0
  private readonly id: number
  private readonly outbox: Outbox
  private readonly inbox: Inbox
  private readonly queue = new CallQueue(true)
  private isDisposed = false

  constructor(
    private readonly session: RemoteSession,
    { id, metadata }: RemoteOpened,
  ) {
    this.id = id
    this.metadata = metadata
    this.outbox = new Outbox(session.channel.there, metadata.inputs)
    this.inbox = new Inbox(session.channel.back, metadata.outputs)
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
    const { id } = this
    const { outputs } = await this.call(inputs, options, (parcel) => ({ type: 'run', id, inputs: parcel }))
    return outputs
  }

  async profile(inputs: NamedTensors, options: ProfileOptions = {}): Promise<ProfileReport> {
    checkProfileOptions(options)
    const { repeat = DEFAULT_REPEAT, ...limits } = options
    const { id } = this
    const { outputs, report } = await this.call(inputs, limits, (parcel) => ({
      type: 'profile',
      id,
      inputs: parcel,
      repeat,
    }))
    return { outputs, ...(report as Omit<ProfileReport, 'outputs'>) }
  }

  async usage(options: CallOptions = {}): Promise<BoardUsage | undefined> {
    this.guard()
    checkCallOptions(options)
    return this.queue.add(
      options,
      async (signal) =>
        (await this.session.call({ type: 'usage', id: this.id }, { signal })) as BoardUsage | undefined,
    )
  }

  private guard(): void {
    if (this.isDisposed) throw new TvmNodeError('ERR_DISPOSED', 'this session was disposed')
  }

  private async call(
    inputs: NamedTensors,
    limits: Limits,
    message: (inputs: Parcel) => RemoteCall,
  ): Promise<{ outputs: NamedTensors; report: Ran['report'] }> {
    this.guard()
    checkInputs(inputs, this.inputs)
    return this.queue.add(limits, (signal) =>
      this.session.exchange(
        () => message(this.outbox.put(inputs)),
        (result) => {
          const { outputs, report } = result as Ran
          return { outputs: this.inbox.take(outputs), report }
        },
        { signal },
      ),
    )
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
