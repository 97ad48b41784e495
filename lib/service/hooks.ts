import type { Batch, Evaluation, ModelSource } from '../backend/evaluation.js'
import type { EvaluationResult, Queued, Stage } from '../backend/results.js'
import { TvmNodeError } from '../errors.js'

export interface Upcoming {
  readonly epoch: number
  /** Whether the model and batches of the epoch are needed. */
  readonly due: boolean
}

/** What a stage has come to. */
interface Progress {
  /** The epoch that was started, until it ends. */
  started: Upcoming | undefined
  /** Numbers of the batches that came. */
  batches: Set<number>
  /** What the last epochs came to, or will come to. */
  readonly ended: Map<number, Promise<EvaluationResult | Queued>>
}

/** Epochs whose whole results are kept for clients that ask again. */
const KEPT = 16

/** The hooks as requests call them: one that is sent again, since its answer was lost, counts once. */
export class Hooks {
  private readonly progress: Record<Stage, Progress> = {
    validation: { started: undefined, batches: new Set(), ended: new Map() },
    test: { started: undefined, batches: new Set(), ended: new Map() },
  }

  constructor(
    readonly evaluation: Evaluation,
    private readonly resultOf: (stage: Stage, epoch: number) => EvaluationResult | undefined,
  ) {}

  /**
   * @param epoch - Where the client believes to be; undefined for wherever the backend is.
   * @param model - Called when the epoch is due.
   * @throws `ERR_INVALID_ARGUMENT` for another epoch; as `model`
   */
  async start(
    stage: Stage,
    epoch: number | undefined,
    sanityCheck: boolean,
    model: () => Promise<ModelSource>,
  ): Promise<Upcoming> {
    const progress = this.progress[stage]
    if (epoch !== undefined && progress.started?.epoch === epoch) return progress.started
    const upcoming = this.at(stage, epoch)
    const started = { ...upcoming, due: upcoming.due && !sanityCheck }
    const source = started.due ? await model() : ''
    if (stage === 'test') await this.evaluation.onTestEpochStart(source)
    else await this.evaluation.onValidationEpochStart(source, { sanityCheck })
    progress.started = started
    progress.batches = new Set()
    return started
  }

  batch(stage: Stage, index: number, batch: Batch): void {
    const { batches } = this.progress[stage]
    if (batches.has(index)) return
    batches.add(index)
    if (stage === 'test') this.evaluation.onTestBatchEnd(index, batch)
    else this.evaluation.onValidationBatchEnd(index, batch)
  }

  /** @throws `ERR_INVALID_ARGUMENT` for another epoch */
  async end(
    stage: Stage,
    epoch: number | undefined,
    sanityCheck: boolean,
  ): Promise<EvaluationResult | Queued> {
    const progress = this.progress[stage]
    const known = epoch === undefined ? undefined : await progress.ended.get(epoch)
    // What went on in the background has come to something by now, perhaps.
    if (known?.status === 'queued') return this.resultOf(stage, known.epoch) ?? known
    if (known) return known
    const { epoch: current } = this.at(stage, epoch)
    progress.started = undefined
    const end =
      stage === 'test' ? this.evaluation.onTestEnd() : this.evaluation.onValidationEpochEnd({ sanityCheck })
    if (!sanityCheck) {
      progress.ended.set(current, end)
      progress.ended.delete(current - KEPT)
    }
    return end
  }

  private at(stage: Stage, epoch: number | undefined): Upcoming {
    const upcoming = this.evaluation.upcoming(stage)
    if (epoch === undefined || epoch === upcoming.epoch) return upcoming
    throw new TvmNodeError(
      'ERR_INVALID_ARGUMENT',
      `the backend is at ${stage} epoch ${upcoming.epoch}, not at ${epoch}`,
      { details: { stage, epoch: upcoming.epoch } },
    )
  }
}
