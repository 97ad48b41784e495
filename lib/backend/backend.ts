import { checkTarget } from '../boards/board-target.js'
import { buildFor } from '../boards/build-options.js'
import type { BoardConnection } from '../boards/connection.js'
import { openBoard } from '../boards/open.js'
import { checkTunable, tuneOnBoard } from '../boards/tune.js'
import { type Artifact, type CompileOptions, compile } from '../compile/compile.js'
import { digestModel, readModelFile, withModelFile } from '../compile/model-file.js'
import { TvmNodeError } from '../errors.js'
import { LimitedTime, type Limits } from '../limits.js'
import { type RunOptions, runInEngine } from '../process/engine.js'
import type { ProgressEvent } from '../process/protocol.js'
import type { ArtifactMetadata, TensorInfo } from '../session/artifact.js'
import { CallQueue } from '../session/call-queue.js'
import type { NamedTensors } from '../session/inputs.js'
import { type MemoryNeed, memoryNeed } from '../session/memory.js'
import type { OperatorProfile } from '../session/session.js'
import type { TuneEvent } from '../tuning/events.js'
import { type Tuned, tunerFor } from '../tuning/tuner.js'
import { splitBatch } from './batches.js'
import { type BackendConfig, type BackendConfigInput, resolveConfig } from './config.js'
import { Evaluation, type EvaluationOptions } from './evaluation.js'
import { type BackendCall, type BackendEvent, type Listener, Listeners } from './events.js'
import { ResultKeeper } from './result-keeper.js'
import type { EvaluationResult, Metrics, Rebuilt } from './results.js'

/** How a network is prepared; `signal` and `timeoutMs` bound the building, tuning and bringing onto the board. */
export interface PrepareOptions extends Limits {
  /** Shapes of inputs that the model leaves open, by name; what is left out is taken as 1. */
  readonly shapes?: CompileOptions['shapes']
  /** How much builds give way to other work, from 0 (default) to 19, as processes' nice values. */
  readonly niceness?: number
  /** Hears the steps of tuning and building. */
  readonly onProgress?: (event: ProgressEvent) => void
}

type BuildLimits = { readonly [Key in 'signal' | 'onProgress' | 'niceness']: PrepareOptions[Key] | undefined }

/** What preparing a network came to. */
export interface Prepared {
  /** What had to be built. */
  readonly rebuilt: Rebuilt
  /** Milliseconds of tuning and building, and of bringing the result onto the board. */
  readonly buildMs: number
  readonly uploadMs: number
}

/** A run on the board, and what it took. */
export interface BackendProfile {
  readonly outputs: NamedTensors
  /**
   * `duration` (seconds, the median), `latency_us`, `latency_min_us`, `latency_max_us` of a run on the board; `memory_bytes`,
   * `parameter_bytes`, `workspace_bytes`.
   */
  readonly metrics: Metrics
  /** In order of execution. */
  readonly profile: readonly OperatorProfile[]
}

/**
 * A network in training as it behaves on its board: compiled, brought there, run and measured. Calls queue: one runs at a time.
 */
export class TvmBackend {
  readonly name = 'tvm'
  private readonly queue = new CallQueue(true)
  /** What tuning yielded, by the structure of a graph. */
  private readonly tuned = new Map<string, Tuned>()
  /** Ends each call that waits or runs. */
  private readonly calls = new Set<() => void>()
  private isDisposed = false
  private readonly keeper: ResultKeeper | undefined
  private readonly evaluations = new Set<Evaluation>()
  private readonly listeners = new Listeners<BackendEvent>()
  private prepared:
    | { readonly artifact: Artifact; readonly hash: string; readonly memory: MemoryNeed }
    | undefined

  private constructor(
    readonly config: BackendConfig,
    private readonly board: BoardConnection,
  ) {
    if (config.results !== null) this.keeper = new ResultKeeper(config.results, config)
  }

  /**
   * Checks a configuration; no board is taken yet.
   *
   * @throws `ERR_CONFIG`, `ERR_UNKNOWN_BOARD`, `ERR_NOT_AVAILABLE`
   */
  static async create(input: BackendConfigInput): Promise<TvmBackend> {
    const config = resolveConfig(input)
    tunerFor(config.tuner.name)
    if (config.tune && config.tuner.name !== 'baseline') checkTunable(config.board)
    await checkTarget(config.board)
    const { board, isolation, threads } = config
    return new TvmBackend(config, openBoard(board, { isolation, ...(threads !== null && { threads }) }))
  }

  /** Whether the board can be used now. */
  async available(limits: Limits = {}): Promise<boolean> {
    this.guard()
    return (await this.board.available(limits)).available
  }

  /** Inputs of the prepared network by name. @throws `ERR_NOT_PREPARED` */
  get inputs(): readonly TensorInfo[] {
    return this.ready.artifact.metadata.inputs
  }
  /** Of the network that was prepared last. @throws `ERR_NOT_PREPARED` */
  get outputs(): readonly TensorInfo[] {
    return this.ready.artifact.metadata.outputs
  }
  /** What was prepared last; undefined before. */
  get network(): ArtifactMetadata | undefined {
    return this.prepared?.artifact.metadata
  }

  /**
   * Makes an ONNX model, given as a path or as bytes, the one that runs on the board. What did not change since the call before is
   * not built again.
   *
   * @throws the errors of `compile`; `ERR_BOARD`, `ERR_BOARD_BUSY`, `ERR_MODEL_READ`
   */
  prepare(model: string | Uint8Array, options: PrepareOptions = {}): Promise<Prepared> {
    const { onProgress, shapes, niceness, ...limits } = options
    const tell = (event: ProgressEvent) => {
      onProgress?.(event)
      this.tell({ ...event, type: 'progress' })
    }
    return this.enqueue('prepare', limits, (signal) =>
      this.prepareNow(model, { signal, onProgress: tell, niceness }, shapes),
    )
  }

  private async prepareNow(
    model: string | Uint8Array,
    options: BuildLimits,
    shapes: CompileOptions['shapes'],
  ): Promise<Prepared> {
    const started = performance.now()
    const bytes = typeof model === 'string' ? await readModelFile(model) : model
    const hash = await digestModel(bytes, JSON.stringify(shapes ?? {}))
    const rebuilt = this.prepared?.hash === hash ? 'nothing' : await this.build(model, hash, options, shapes)
    const built = performance.now()
    if (rebuilt !== 'nothing' || this.board.state !== 'loaded') {
      await this.board.upload(this.ready.artifact, { signal: options.signal })
    }
    return { rebuilt, buildMs: built - started, uploadMs: performance.now() - built }
  }

  private async build(
    model: string | Uint8Array,
    hash: string,
    { signal, onProgress, niceness }: BuildLimits,
    shapes: CompileOptions['shapes'],
  ): Promise<Rebuilt> {
    const { board } = this.config
    const tuned = await this.tunedFor(model, shapes, { signal, onProgress })
    const artifact = await compile(model, {
      ...tuned?.build,
      ...buildFor(board),
      reusable: true,
      ...(this.prepared && { reuse: this.prepared.artifact }),
      ...(shapes && { shapes }),
      ...(signal && { signal }),
      ...(onProgress && { onProgress }),
      ...(niceness !== undefined && { niceness }),
    })
    const before = this.prepared
    // The same graph needs the same.
    const memory = before && artifact.rebuilt === 'parameters' ? before.memory : await memoryNeed(artifact)
    this.prepared = { artifact, hash, memory }
    await before?.artifact.dispose()
    return artifact.rebuilt
  }

  /** What tuning the model's graph yielded, searched when the graph is first seen; other weights of it take the same. */
  private async tunedFor(
    model: string | Uint8Array,
    shapes: CompileOptions['shapes'],
    { signal, onProgress }: RunOptions,
  ): Promise<Tuned | undefined> {
    const { tune, tuner, board } = this.config
    if (!tune || tuner.name === 'baseline') return undefined
    const structure = await withModelFile(model, (path) =>
      runInEngine('structure', { model: path }, { signal }),
    )
    const key = `${structure} ${JSON.stringify(shapes ?? {})}`
    let tuned = this.tuned.get(key)
    if (!tuned) {
      const { config, desiredLayouts } = buildFor(board)
      const request = {
        model,
        target: board.target,
        ...(config && { config }),
        ...(desiredLayouts && { desiredLayouts }),
        ...(shapes && { shapes }),
      }
      // Trials need the board.
      await this.board.release()
      tuned = await tuneOnBoard(board, tuner, { signal }, (settings, micro) =>
        tunerFor(tuner.name)(
          { ...request, settings, ...(micro && { micro }) },
          { signal, onEvent: (event) => tellTuning(event, onProgress) },
        ),
      )
      this.tuned.set(key, tuned)
    }
    return tuned
  }

  /**
   * Runs the prepared network on a batch of any size; results are those of the whole batch.
   *
   * @throws `ERR_NOT_PREPARED`, `ERR_INPUT`, `ERR_BOARD`, `ERR_BOARD_BUSY`, `ERR_TIMEOUT`
   */
  run(inputs: NamedTensors, limits: Limits = {}): Promise<NamedTensors> {
    return this.enqueue('run', limits, async (signal) => {
      await this.ensureLoaded(signal)
      const { pieces, join } = splitBatch(inputs, this.inputs)
      const outputs: NamedTensors[] = []
      for (const piece of pieces) outputs.push(await this.board.run(piece, { signal }))
      return join(outputs)
    })
  }

  /**
   * Runs a batch and measures: a run of its first piece some times, and each operator in it.
   *
   * @param options - `repeat`: runs that are timed, default 10.
   * @throws as `run`
   */
  profile(
    inputs: NamedTensors,
    options: Limits & { readonly repeat?: number } = {},
  ): Promise<BackendProfile> {
    const { repeat, ...limits } = options
    return this.enqueue('profile', limits, async (signal) => {
      await this.ensureLoaded(signal)
      const { pieces, join } = splitBatch(inputs, this.inputs)
      const [first, ...rest] = pieces
      const report = await this.board.profile(first as NamedTensors, { signal, ...(repeat && { repeat }) })
      const outputs = [report.outputs]
      for (const piece of rest) outputs.push(await this.board.run(piece, { signal }))
      const { median, spread, min, max } = report.metrics.latencyUs
      const { parameters, workspace } = this.ready.memory
      const metrics = {
        duration: median / 1e6,
        latency_us: median,
        latency_spread_us: spread,
        latency_min_us: min,
        latency_max_us: max,
        memory_bytes: parameters + workspace,
        parameter_bytes: parameters,
        workspace_bytes: workspace,
      }
      const { profile } = report
      this.tell({ type: 'profile', metrics, profile })
      return { outputs: join(outputs), metrics, profile }
    })
  }

  /** Writes the prepared network as an artifact, whole or not at all. @throws `ERR_NOT_PREPARED`, `ERR_WRITE_FAILED` */
  async export(path: string): Promise<void> {
    return this.enqueue('export', {}, () => this.ready.artifact.save(path))
  }

  /** Hooks for a training loop. */
  evaluation(options: EvaluationOptions = {}): Evaluation {
    this.guard()
    const evaluation = new Evaluation(this, options, () => this.evaluations.delete(evaluation))
    this.evaluations.add(evaluation)
    return evaluation
  }

  /** Hears what the backend does from now on. @returns What ends that. */
  watch(listener: Listener<BackendEvent>): () => void {
    return this.listeners.add(listener)
  }

  /** @internal */
  tell(event: BackendEvent): void {
    this.listeners.tell(event)
  }

  /** @internal Where results of evaluations go beside those who hear them. */
  keep(result: EvaluationResult): void {
    this.keeper?.keep(result, this.network)
    this.tell({ type: 'result', result })
  }

  /** Whether `dispose` was called. */
  get disposed(): boolean {
    return this.isDisposed
  }

  /** Ends evaluations and calls that run, and gives the board back. Safe to call twice. */
  async dispose(): Promise<void> {
    if (this.isDisposed) return
    this.isDisposed = true
    for (const evaluation of this.evaluations) evaluation.dispose()
    for (const end of this.calls) end()
    await this.queue.idle()
    await this.board.close().catch((error: Error) => process.emitWarning(error))
    await this.prepared?.artifact.dispose()
    await this.keeper?.dispose()
  }
  /** As `dispose`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }

  private get ready() {
    if (this.prepared) return this.prepared
    throw new TvmNodeError(
      'ERR_NOT_PREPARED',
      'the backend has no network; call prepare() with a model first',
    )
  }

  /** A board that was lost gets the network again. */
  private async ensureLoaded(signal: AbortSignal): Promise<void> {
    const { artifact } = this.ready
    if (this.board.state !== 'loaded') await this.board.upload(artifact, { signal })
  }

  /** Queues a call that its own limits or the backend's disposal end. */
  private async enqueue<T>(
    call: BackendCall,
    limits: Limits,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    this.guard()
    using time = new LimitedTime(limits)
    const end = () => time.abort(disposed())
    this.calls.add(end)
    try {
      return await this.queue.add({ signal: time.signal }, async (signal) => {
        this.tell({ type: 'call', call, state: 'begin' })
        return work(signal).finally(() => this.tell({ type: 'call', call, state: 'end' }))
      })
    } finally {
      this.calls.delete(end)
    }
  }

  private guard(): void {
    if (this.disposed) throw disposed()
  }
}

function disposed(): TvmNodeError {
  return new TvmNodeError('ERR_DISPOSED', 'this backend was disposed')
}

/** Tuning as a phase of building. */
function tellTuning(event: TuneEvent, tell: PrepareOptions['onProgress']): void {
  if (event.type === 'phase') tell?.({ type: 'phase', phase: 'tune', step: event.phase })
  if (event.type === 'progress') {
    const { done, planned } = event
    const fraction = planned > 0 ? done / planned : 1
    tell?.({ type: 'phase', phase: 'tune', step: `trial ${done} of ${planned}`, fraction })
  }
}
