import { z } from 'zod'
import { checkOptions, optionSchema } from '../options.js'
import type { NamedTensors } from '../session/inputs.js'
import type { Tensor } from '../tensor.js'
import type { TvmBackend } from './backend.js'
import { EvaluationJob } from './evaluation-job.js'
import { EvaluationQueue } from './evaluation-queue.js'
import type { EvaluationResult, Queued, SkipReason, Stage } from './results.js'

/** How the epochs of a stage are waited for. */
export interface StageOptions {
  /**
   * `await` (default): the hook at the end of an epoch waits for the result. `background`: it returns at once; of epochs that wait only the
   * latest is kept.
   */
  readonly policy?: 'await' | 'background'
  /** Milliseconds after which an epoch is given up, those of waiting included. Default: none. */
  readonly timeBudgetMs?: number
}

/** How the hooks of a training loop behave. */
export interface EvaluationOptions extends StageOptions {
  /** Settings for validations and tests of their own. */
  readonly validation?: StageOptions
  readonly test?: StageOptions
  /** Where to write the artifact of each test; default: nowhere. */
  readonly exportTo?: string
  /** Timed runs for the latency; default 10. */
  readonly repeat?: number
  /** Hears the result of every epoch, in the order in which they come about. */
  readonly onResult?: (result: EvaluationResult) => void
}

const stageOptions = {
  policy: z.enum(['await', 'background']),
  timeBudgetMs: z.number().positive(),
}
const optionsSchema = optionSchema({
  ...stageOptions,
  validation: z.strictObject(stageOptions).partial(),
  test: z.strictObject(stageOptions).partial(),
  exportTo: z.string(),
  repeat: z.int().min(1),
  onResult: z.instanceof(Function),
})

/** The network as it is now: an ONNX file's path or bytes, or what makes one; called only when an epoch is due. */
export type ModelSource = string | Uint8Array | (() => string | Uint8Array | Promise<string | Uint8Array>)

/** What the trainer ran: copied, so that its memory may be used again. */
export interface Batch {
  /** By name; a single tensor for networks with one input. */
  readonly inputs: NamedTensors | Tensor
  /** What the trainer's own network computed from them. Default: ONNX Runtime computes it from the exported model. */
  readonly outputs?: NamedTensors | Tensor
}

/**
 * Compares the network in training with the deployed one. Of a validation, the first `val_batches` batches are run in
 * every `val_frequency`-th epoch, the first included; of a test, the first `test_batches` batches. Nothing here ever throws into the
 * training loop: whatever happens becomes a result, one for each epoch.
 */
export class Evaluation {
  private readonly queue = new EvaluationQueue()
  private readonly jobs = new Set<EvaluationJob>()
  private readonly epochs: Record<Stage, number> = { validation: 0, test: 0 }
  private readonly open: Partial<Record<Stage, { job: EvaluationJob } | { skip: SkipReason }>> = {}
  private isDisposed = false

  /** @internal */
  constructor(
    private readonly backend: TvmBackend,
    private readonly options: EvaluationOptions,
    private readonly forget: () => void,
  ) {
    checkOptions(optionsSchema, options, 'evaluation')
  }

  /**
   * A validation begins.
   *
   * @param options - `sanityCheck`: it is a trial run before training, which is neither measured nor counted.
   */
  onValidationEpochStart(model: ModelSource, { sanityCheck = false } = {}): Promise<void> {
    return this.start('validation', model, sanityCheck ? 'not_due' : this.skipReason('validation'))
  }
  /** A batch was run by the trainer. @param index - Counted from 0; batches beyond `val_batches` are let go. */
  onValidationBatchEnd(index: number, batch: Batch): void {
    this.take('validation', index, batch, this.backend.config.val_batches)
  }
  /** @returns The epoch's result, or that it is queued. */
  onValidationEpochEnd({ sanityCheck = false } = {}): Promise<EvaluationResult | Queued> {
    return this.end('validation', sanityCheck)
  }

  /** A test begins; `model` is called when tests are run at all, or exported. */
  onTestEpochStart(model: ModelSource): Promise<void> {
    return this.start('test', model, this.skipReason('test'))
  }
  /** A batch was run by the trainer. @param index - Counted from 0; batches beyond `test_batches` are let go. */
  onTestBatchEnd(index: number, batch: Batch): void {
    this.take('test', index, batch, this.backend.config.test_batches)
  }
  /** @returns The test's result, or that it is queued. */
  onTestEnd(): Promise<EvaluationResult | Queued> {
    return this.end('test', false)
  }

  /** The epoch that comes next, or is under way, and whether it is to be measured, so that its model and batches are needed. */
  upcoming(stage: Stage): { readonly epoch: number; readonly due: boolean } {
    const epoch = this.epochs[stage]
    return { epoch, due: this.skipReason(stage) === undefined }
  }

  private skipReason(stage: Stage): SkipReason | undefined {
    const { val_batches, val_frequency, test_batches } = this.backend.config
    if (stage === 'test') {
      return test_batches > 0 || this.options.exportTo !== undefined ? undefined : 'no_batches'
    }
    if (this.epochs.validation % val_frequency !== 0) return 'not_due'
    return val_batches === 0 ? 'no_batches' : undefined
  }

  /** Resolves when all that was queued has its result. */
  idle(): Promise<void> {
    return this.queue.idle()
  }

  /** Gives up what waits and what runs. Safe to call twice. */
  dispose(): void {
    if (this.isDisposed) return
    this.isDisposed = true
    this.queue.clear('disposed')
    for (const job of this.jobs) job.dispose()
    this.forget()
  }
  /** As `dispose`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose()
  }

  private async start(stage: Stage, model: ModelSource, skip: SkipReason | undefined): Promise<void> {
    const before = this.open[stage]
    if (before && 'job' in before) before.job.skip('superseded')
    if (skip || this.isDisposed) {
      this.open[stage] = { skip: skip ?? 'disposed' }
      return
    }
    const job = new EvaluationJob(this.backend, stage, this.epochs[stage], {
      ...this.options,
      ...this.options[stage],
      done: (result) => {
        this.jobs.delete(job)
        this.report(result)
      },
    })
    this.jobs.add(job)
    this.open[stage] = { job }
    // Made now, before the next step of training changes the weights.
    await job.keepModel(model, policyOf(this.options, stage) === 'background')
  }

  private take(stage: Stage, index: number, batch: Batch, limit: number): void {
    const open = this.open[stage]
    if (open && 'job' in open && index < limit) open.job.keepBatch(batch)
  }

  private async end(stage: Stage, sanityCheck: boolean): Promise<EvaluationResult | Queued> {
    const open = this.open[stage] ?? { skip: 'no_batches' as const }
    delete this.open[stage]
    const epoch = this.epochs[stage]
    if (!sanityCheck) this.epochs[stage]++
    if ('skip' in open) {
      const result = { stage, epoch, status: 'skipped', reason: open.skip } as const
      if (!sanityCheck) this.report(result)
      return result
    }
    const { job } = open
    const background = policyOf(this.options, stage) === 'background'
    job.submit(this.queue, background)
    return background ? { stage, epoch, status: 'queued' } : job.result
  }

  private report(result: EvaluationResult): void {
    this.backend.keep(result)
    try {
      this.options.onResult?.(result)
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error))
    }
  }
}

function policyOf(options: EvaluationOptions, stage: Stage): 'await' | 'background' {
  return { ...options, ...options[stage] }.policy ?? 'await'
}
