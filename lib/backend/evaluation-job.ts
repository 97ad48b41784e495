import { setImmediate as turn } from 'node:timers/promises'
import { readModelFile, withModelFile } from '../compile/model-file.js'
import { isTvmNodeError, TvmNodeError } from '../errors.js'
import { LimitedTime } from '../limits.js'
import { runInEngine } from '../process/engine.js'
import type { TensorInfo } from '../session/artifact.js'
import type { NamedTensors } from '../session/inputs.js'
import type { OperatorProfile } from '../session/session.js'
import { isTensor, type Tensor } from '../tensor.js'
import type { TvmBackend } from './backend.js'
import { namedCopy, splitBatch } from './batches.js'
import type { Batch, ModelSource } from './evaluation.js'
import type { EvaluationQueue } from './evaluation-queue.js'
import { OutputError, type OutputMetrics } from './output-error.js'
import type { ReferenceRequest } from './reference-task.js'
import type { EvaluationResult, Metrics, SkipReason, Stage } from './results.js'

interface JobOptions {
  readonly timeBudgetMs?: number
  readonly exportTo?: string
  readonly repeat?: number
  readonly done: (result: EvaluationResult) => void
}

/** Training comes first. */
const BACKGROUND_NICENESS = 10

type Kept = { readonly inputs: NamedTensors | Tensor; readonly outputs: NamedTensors | Tensor | undefined }

/** One epoch: what the trainer handed over, and what comes of it. */
export class EvaluationJob {
  readonly result: Promise<EvaluationResult>
  private settle: (result: EvaluationResult) => void = () => undefined
  private settled = false
  private model: string | Uint8Array | undefined
  private readonly batches: Kept[] = []
  private phase = 'model'
  /** What already failed while things were handed over. */
  private fault: { readonly error: unknown } | undefined
  private time: LimitedTime | undefined
  private niceness = 0

  constructor(
    private readonly backend: TvmBackend,
    private readonly stage: Stage,
    private readonly epoch: number,
    private readonly options: JobOptions,
  ) {
    this.result = new Promise((resolve) => {
      this.settle = resolve
    })
  }

  /** @param whole - Whether to read a file now, since it may be another one by the time its turn comes. */
  async keepModel(source: ModelSource, whole: boolean): Promise<void> {
    try {
      const model = typeof source === 'function' ? await source() : source
      if (typeof model !== 'string' && !(model instanceof Uint8Array)) {
        throw new TvmNodeError(
          'ERR_INVALID_ARGUMENT',
          `the model must be a path or bytes, got ${typeof model}`,
        )
      }
      this.model = whole && typeof model === 'string' ? await readModelFile(model) : model
    } catch (error) {
      this.fault = { error }
    }
  }

  keepBatch({ inputs, outputs }: Batch): void {
    try {
      this.batches.push({ inputs: namedCopy(inputs), outputs: outputs && namedCopy(outputs) })
    } catch (error) {
      this.phase = 'compare'
      this.fault ??= { error }
    }
  }

  /** @param background - Whether it gives way, to later epochs and to whatever else the processors are for. */
  submit(queue: EvaluationQueue, background: boolean): void {
    this.niceness = background ? BACKGROUND_NICENESS : 0
    if (this.batches.length === 0 && !this.fault && this.options.exportTo === undefined) {
      this.skip('no_batches')
      return
    }
    const { timeBudgetMs } = this.options
    this.time = new LimitedTime({ timeoutMs: timeBudgetMs }, () => ({ where: ` (in phase '${this.phase}')` }))
    const job = {
      kind: this.stage,
      replaceable: background,
      run: () => this.run(),
      skip: (reason: SkipReason) => this.skip(reason),
    }
    this.time.signal.addEventListener('abort', () => queue.remove(job) && this.skip('time_budget'), {
      once: true,
    })
    queue.add(job)
  }

  dispose(): void {
    this.time?.abort(new TvmNodeError('ERR_DISPOSED', 'this backend was disposed'))
    if (!this.time) this.skip('disposed')
  }

  skip(reason: SkipReason): void {
    this.finish({ status: 'skipped', reason })
  }

  private async run(): Promise<void> {
    try {
      if (this.fault) throw this.fault.error
      this.finish(await this.measure())
    } catch (error) {
      if (isTvmNodeError(error, 'ERR_BOARD_BUSY')) this.skip('busy')
      else if (isTvmNodeError(error, 'ERR_DISPOSED')) this.skip('disposed')
      else {
        const { message } = error instanceof Error ? error : new Error(String(error))
        const code = isTvmNodeError(error) ? error.code : undefined
        this.finish({ status: 'failed', phase: phaseOf(error) ?? this.phase, reason: message, code, error })
      }
    }
  }

  private enter(phase: string): void {
    this.phase = phase
    this.backend.tell({ type: 'epoch', stage: this.stage, epoch: this.epoch, phase })
  }

  private finish(outcome: DistributiveOmit<EvaluationResult, 'stage' | 'epoch'>): void {
    if (this.settled) return
    this.settled = true
    this.time?.[Symbol.dispose]()
    this.model = undefined
    this.batches.length = 0
    const result = { stage: this.stage, epoch: this.epoch, ...outcome } as EvaluationResult
    this.settle(result)
    this.options.done(result)
  }

  private async measure(): Promise<DistributiveOmit<EvaluationResult, 'stage' | 'epoch'>> {
    const { signal } = this.time as LimitedTime
    const { backend, options, model } = this
    this.enter('prepare')
    const prepared = await backend.prepare(model as string | Uint8Array, { signal, niceness: this.niceness })
    if (options.exportTo !== undefined) {
      this.enter('export')
      await backend.export(options.exportTo)
    }
    const errors = new Map(backend.outputs.map(({ name }) => [name, new OutputError(name)]))
    const references = await this.references(signal)
    let metrics: Metrics = {}
    let profile: readonly OperatorProfile[] = []
    for (const [i, { inputs }] of this.batches.entries()) {
      this.enter('measure')
      const feeds = named(inputs, backend.inputs, 'input')
      const repeat = options.repeat === undefined ? {} : { repeat: options.repeat }
      const report = i === 0 ? await backend.profile(feeds, { signal, ...repeat }) : undefined
      const outputs = report?.outputs ?? (await backend.run(feeds, { signal }))
      if (report) [metrics, profile] = [report.metrics, report.profile]
      this.enter('compare')
      const reference = references[i] as NamedTensors
      for (const [name, error] of errors) {
        if (!reference[name]) throw new TvmNodeError('ERR_INPUT', `the reference has no output '${name}'`)
        error.add(outputs[name] as Tensor, reference[name])
      }
      // Comparing takes its time; the training loop's timers come first.
      await turn()
    }
    const outputs = Object.fromEntries([...errors].map(([name, error]) => [name, error.metrics]))
    const prepareMs = prepared.buildMs + prepared.uploadMs
    return {
      status: 'measured',
      metrics: this.batches.length > 0 ? summary(this.stage, outputs, { ...metrics, prepareMs }) : {},
      outputs,
      profile,
      rebuilt: prepared.rebuilt,
      batches: this.batches.length,
    }
  }

  /** What each batch is compared with: the trainer's outputs, or else ONNX Runtime's. */
  private async references(signal: AbortSignal): Promise<NamedTensors[]> {
    this.enter('reference')
    const missing = this.batches.filter(({ outputs }) => outputs === undefined)
    const computed = missing.length > 0 ? await this.computeReferences(missing, signal) : []
    return this.batches.map(({ outputs }) =>
      outputs === undefined
        ? (computed.shift() as NamedTensors)
        : named(outputs, this.backend.outputs, 'output'),
    )
  }

  private async computeReferences(batches: readonly Kept[], signal: AbortSignal): Promise<NamedTensors[]> {
    const { inputs: expected } = this.backend
    const splits = batches.map(({ inputs }) => splitBatch(named(inputs, expected, 'input'), expected))
    const runs = splits.flatMap(({ pieces }) => pieces)
    const outputs = await withModelFile(this.model as string | Uint8Array, (model) => {
      const request: ReferenceRequest = { model, runs }
      return runInEngine('reference', request, { signal, niceness: this.niceness }) as Promise<NamedTensors[]>
    })
    return splits.map(({ pieces, join }) => join(outputs.splice(0, pieces.length)))
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never

function phaseOf(error: unknown): string | undefined {
  return isTvmNodeError(error, 'ERR_BOARD') ? (error.details.phase as string | undefined) : undefined
}

function named(tensors: NamedTensors | Tensor, infos: readonly TensorInfo[], what: string): NamedTensors {
  if (!isTensor(tensors)) return tensors
  const [only, ...more] = infos
  if (only && more.length === 0) return { [only.name]: tensors }
  throw new TvmNodeError(
    'ERR_INPUT',
    `the network has ${infos.length} ${what}s (${infos.map(({ name }) => name).join(', ')}); give them by name`,
  )
}

function summary(
  stage: Stage,
  outputs: Readonly<Record<string, OutputMetrics>>,
  { latency_us, latency_spread_us, memory_bytes, prepareMs }: Metrics,
): Metrics {
  const all = Object.values(outputs)
  const agreements = all.flatMap(({ top1_agreement }) => top1_agreement ?? [])
  const values: Record<string, number | undefined> = {
    mse: all.reduce((sum, { mse }) => sum + mse, 0) / all.length,
    cosine_distance: Math.max(...all.map(({ cosine_distance }) => cosine_distance)),
    sqnr_db: Math.min(...all.map(({ sqnr_db }) => sqnr_db)),
    top1_agreement: agreements.length > 0 ? Math.min(...agreements) : undefined,
    latency_us,
    latency_spread_us,
    memory_bytes,
    prepare_ms: prepareMs,
  }
  const prefix = stage === 'validation' ? 'val_backend_' : 'test_backend_'
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[prefix + name, value]])),
  )
}
