import type { TvmBackend } from '../backend/backend.js'
import type { Evaluation } from '../backend/evaluation.js'
import type { BackendCall, BackendEvent } from '../backend/events.js'
import type { EvaluationResult, Metrics, Stage } from '../backend/results.js'
import { connectorOf } from '../boards/board.js'
import { TvmNodeError } from '../errors.js'
import { type EpochPoint, withoutStage } from '../report/collect.js'
import { brokenEpochs } from '../report/findings.js'
import type { OperatorProfile } from '../session/session.js'
import { Hooks } from './hooks.js'
import type { ServiceLimits } from './limits.js'

/** Epochs that are remembered; a store of results keeps all. */
const KEPT_EPOCHS = 2000
/** Milliseconds between two events about the steps of a build, of which there are hundreds. */
const STEP_PACE = 100

/** A measured or failed epoch without its larger parts. */
type Epoch = EvaluationResult & { readonly time: number }

export interface ServedOptions {
  readonly id: string
  /** What people call it. */
  readonly name: string
  readonly backend: TvmBackend
  /** The hooks that clients call; without, it is only watched. */
  readonly evaluation: Evaluation | undefined
  readonly limits: Pick<ServiceLimits, 'waiting'>
  readonly publish: (event: { readonly type: string }) => void
}

/** A backend as the service knows it: what it does, what came of it, and who waits for it. */
export class ServedBackend {
  readonly id: string
  readonly name: string
  readonly backend: TvmBackend
  readonly createdAt = Date.now()
  private readonly epochs: Epoch[] = []
  private call: BackendCall | undefined
  private step: { readonly phase: string; readonly step?: string; readonly fraction?: number } | undefined
  private evaluating: { readonly stage: Stage; readonly epoch: number; readonly phase: string } | undefined
  private profile: { readonly metrics: Metrics; readonly profile: readonly OperatorProfile[] } | undefined
  private waiting = 0
  private usedAt = Date.now()
  private toldAt = 0
  private readonly unwatch: () => void
  private readonly ownHooks: Hooks | undefined

  constructor(private readonly options: ServedOptions) {
    const { id, name, backend, evaluation } = options
    this.id = id
    this.name = name
    this.backend = backend
    this.unwatch = backend.watch((event) => this.hear(event))
    this.ownHooks = evaluation && new Hooks(evaluation, (stage, epoch) => this.resultOf(stage, epoch))
  }

  /** @throws `ERR_INVALID_ARGUMENT` for a backend that another program trains with. */
  get hooks(): Hooks {
    if (this.ownHooks) return this.ownHooks
    throw new TvmNodeError('ERR_INVALID_ARGUMENT', `backend '${this.id}' is only to be watched`)
  }

  /** Whether clients of the service made it, and not the program that the service runs in. */
  get isOwn(): boolean {
    return this.ownHooks !== undefined
  }

  /** Milliseconds since anybody asked for it. */
  get idleMs(): number {
    return this.waiting > 0 || this.call || !this.isOwn ? 0 : Date.now() - this.usedAt
  }

  /** Calls wait for one another; so many may. @throws `ERR_OVERLOADED` */
  async use<T>(work: () => Promise<T>): Promise<T> {
    const most = this.options.limits.waiting
    if (this.waiting >= most) {
      throw new TvmNodeError('ERR_OVERLOADED', `${most} requests wait for backend '${this.id}' already`, {
        details: { limit: 'waiting', most },
      })
    }
    this.waiting++
    try {
      return await work()
    } finally {
      this.waiting--
      this.usedAt = Date.now()
    }
  }

  /** The result of an epoch that has ended, if it is still known. */
  private resultOf(stage: Stage, epoch: number): EvaluationResult | undefined {
    return this.epochs.findLast((each) => each.stage === stage && each.epoch === epoch)
  }

  /** In short, for lists. */
  get summary() {
    const { board, tuner, tune } = this.backend.config
    const evaluation = this.ownHooks?.evaluation
    return {
      id: this.id,
      name: this.name,
      created_at: this.createdAt,
      board: { name: board.name, target: board.target, connector: connectorOf(board) },
      tuner: tune ? tuner.name : 'baseline',
      network: this.backend.network?.name ?? null,
      call: this.call ?? null,
      step: this.step ?? null,
      evaluating: this.evaluating ?? null,
      waiting: this.waiting,
      ...(evaluation && {
        upcoming: { validation: evaluation.upcoming('validation'), test: evaluation.upcoming('test') },
      }),
    }
  }

  /** All there is to see. */
  get state() {
    const measured = this.epochs.filter(({ status }) => status !== 'skipped')
    return {
      ...this.summary,
      inputs: this.backend.network?.inputs ?? [],
      outputs: this.backend.network?.outputs ?? [],
      epochs: this.epochs,
      broken: brokenEpochs({ epochs: measured.map(pointOf) }),
      metrics: this.profile?.metrics ?? null,
      profile: this.profile?.profile ?? [],
    }
  }

  async dispose(): Promise<void> {
    this.unwatch()
    if (this.isOwn) await this.backend.dispose()
  }

  private hear(event: BackendEvent): void {
    if (event.type === 'call') {
      this.call = event.state === 'begin' ? event.call : undefined
      this.step = undefined
    } else if (event.type === 'progress') {
      const { type: _, ...step } = event
      this.step = step
      if (Date.now() - this.toldAt < STEP_PACE) return
      this.toldAt = Date.now()
    } else if (event.type === 'epoch') {
      const { type: _, ...evaluating } = event
      this.evaluating = evaluating
    } else if (event.type === 'profile') {
      this.profile = { metrics: event.metrics, profile: event.profile }
    } else {
      this.evaluating = undefined
      this.keep(event.result)
      this.options.publish({
        type: 'result',
        ...epochReply(event.result),
        broken: this.breaks(event.result),
      } as never)
      return
    }
    this.options.publish(event)
  }

  private breaks({ stage, epoch }: EvaluationResult): string | null {
    const found = this.state.broken.find((each) => each.stage === stage && each.epoch === epoch)
    return found?.why ?? null
  }

  private keep(result: EvaluationResult): void {
    const {
      profile: _,
      error: __,
      ...rest
    } = result as EvaluationResult & { profile?: unknown; error?: unknown }
    this.epochs.push({ ...(rest as EvaluationResult), time: Date.now() })
    if (this.epochs.length > KEPT_EPOCHS) this.epochs.shift()
  }
}

/** A result as clients get it: an error is its code, phase and reason. */
export function epochReply(result: EvaluationResult): Omit<EvaluationResult, 'error'> {
  const { error: _, ...rest } = result as EvaluationResult & { error?: unknown }
  return rest
}

function pointOf(result: EvaluationResult): EpochPoint {
  const { stage, epoch } = result
  if (result.status === 'measured')
    return { stage, epoch, status: 'ok', metrics: withoutStage(result.metrics), why: undefined }
  const code = result.status === 'failed' && result.code ? `${result.code}: ` : ''
  const why = result.status === 'failed' ? `${result.phase}: ${code}${result.reason}` : result.reason
  return { stage, epoch, status: result.status, metrics: {}, why }
}
