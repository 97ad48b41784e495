import { join, resolve } from 'node:path'
import { z } from 'zod'
import type { Artifact, CompileOptions } from '../compile/compile.js'
import { TvmNodeError } from '../errors.js'
import { LimitedTime, type Limits } from '../limits.js'
import type { Runner } from '../measure/trial.js'
import type { MicroBoard } from '../micro/micro-board.js'
import { desiredLayoutsSchema } from '../ops/desired-layouts.js'
import { checkOptions, limitOptions, optionSchema } from '../options.js'
import { makePrivateFolder, removePrivateFolder, writePrivate } from '../private-folders.js'
import { memoryLimit } from '../process/engine-limits.js'
import type { TrialError, TuningRecord } from '../schedule-config/record.js'
import { describeWorkload, type Workload, workloadKey } from '../schedule-config/workload.js'
import { autoScheduling } from './auto-scheduler/scheduling.js'
import type { ExtractRequest } from './autotvm/extract-task.js'
import { keepsLayout } from './autotvm/layout.js'
import { AutotvmTuner } from './autotvm/tuner.js'
import { resolveTunerConfig, type TunerConfig, type TunerSettings } from './config.js'
import type { TaskInfo, TuneEvent } from './events.js'
import { FunctionTuner } from './function-tuner.js'
import { metaScheduling } from './meta-scheduler/scheduling.js'
import { buildCandidate, type Candidate, measureCandidates } from './network.js'
import type { RecordStore } from './record-store.js'
import type { SearchTuner } from './search-tuner.js'
import { measuringFor, TuningSession } from './session.js'
import { type EndReason, TaskState } from './task-state.js'
import { chooseWithinNetwork, RANKS } from './within-network.js'

const DEFAULT_TARGET = 'llvm -mcpu=native'

/** How a network is tuned; `signal` and `timeoutMs` end the tuning between trials. */
export interface TuneOptions
  extends Limits,
    Pick<
      CompileOptions,
      'target' | 'optLevel' | 'shapes' | 'constants' | 'templates' | 'config' | 'desiredLayouts'
    > {
  /** How to tune; keys as in the group `tuner` of a configuration. */
  readonly tuner?: Partial<TunerConfig>
  /** Threads of a run of the whole network; default the processors, at most 8. */
  readonly threads?: number
  /** A board without an operating system that the trials are built for and run on; `boards/` describes one. @internal */
  readonly micro?: MicroBoard | undefined
  /** Bytes of memory of each process that searches, builds, measures or compiles: see `CompileOptions.memoryBytes`. */
  readonly memoryBytes?: number
  /** Hears every trial, and how far the tuning is. */
  readonly onEvent?: (event: TuneEvent) => void
}

const optionsSchema = optionSchema({
  target: z.string(),
  optLevel: z.int().min(0).max(4),
  shapes: z.record(z.string(), z.array(z.int().min(-1)).nullable()),
  constants: z.record(z.string(), z.unknown()),
  templates: z.array(z.string()),
  config: z.record(z.string(), z.union([z.boolean(), z.number(), z.string()])),
  desiredLayouts: desiredLayoutsSchema,
  tuner: z.looseObject({}),
  threads: z.int().min(1),
  micro: z.looseObject({}),
  memoryBytes: memoryLimit(),
  onEvent: z.instanceof(Function),
  ...limitOptions,
})

/** What a task came to. */
export interface TaskReport extends TaskInfo {
  readonly trials: number
  readonly ended: EndReason | 'time'
  /** Milliseconds a call; undefined where every trial failed. */
  readonly defaultMs?: number
  readonly bestMs?: number
  /** Whether the network has the tuned configuration; else its default one is as good. */
  readonly kept: boolean
  readonly failure?: { readonly error: TrialError; readonly count: number; readonly message: string }
}

/** What tuning a network came to. */
export interface TuneReport {
  readonly tasks: readonly TaskReport[]
  /** Milliseconds of a run, measured in turns. */
  readonly beforeMs: number
  readonly afterMs: number
  /** The network as it is fastest. */
  readonly artifact: Artifact
  /** The records that it was built with. */
  readonly best: readonly TuningRecord[]
  readonly trials: number
  readonly seconds: number
}

/** What is at hand while tasks are tuned. */
interface Tuning {
  readonly session: TuningSession
  readonly tasks: readonly TaskState[]
  readonly infos: readonly TaskInfo[]
  readonly runner: Runner
  readonly emit: (event: TuneEvent) => void
  readonly signal: AbortSignal
}

/** Extracts and resumes tasks, has `work` done with them, and lets everything go whatever happens. */
async function withTuning<T>(
  source: ExtractRequest['source'],
  options: TuneOptions,
  work: (tuning: Tuning) => Promise<T>,
): Promise<T> {
  const config = resolveTunerConfig(options.tuner)
  const templates = (options.templates ?? []).map((path) => resolve(path))
  const emit = guarded(options.onEvent)
  using time = new LimitedTime({ signal: options.signal, timeoutMs: options.timeoutMs })
  const { signal } = time
  const { target = DEFAULT_TARGET, memoryBytes, micro } = options
  const tuner = searchTuner({ target, templates, source }, config, memoryBytes)
  const measuring = measuringFor(config, target, { config: options.config ?? {}, memoryBytes }, micro)
  let records: RecordStore | undefined
  try {
    records = config.records === undefined ? undefined : await tuner.openRecords(config.records)
    for (const message of records?.before.problems ?? []) emit({ type: 'warning', message })
    emit({ type: 'phase', phase: 'extract' })
    const tasks = (await tuner.extract(signal)).map((task, number) => new TaskState(number, task))
    for (const message of tuner.warnings) emit({ type: 'warning', message })
    const session = new TuningSession({ tuner, config, tasks, records, ...measuring, signal, emit })
    const foreign = session.resume(records?.before.records ?? [])
    if (foreign > 0) {
      const message = `${foreign} records of these tasks are for other targets than ${tuner.target} and teach nothing here`
      emit({ type: 'warning', message })
    }
    const infos = tasks.map(taskInfo)
    emit({ type: 'tasks', tasks: infos, trials: config.task_budget * tasks.length })
    return await work({ session, tasks, infos, runner: measuring.runner, emit, signal })
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    tuner.dispose()
    await Promise.all([measuring.builder.dispose(), measuring.runner.dispose()])
    await records?.close()
  }
}

/** @throws `ERR_NOT_AVAILABLE` for a way of tuning that this version has not, or that needs a whole network */
function searchTuner(
  request: ExtractRequest,
  config: TunerSettings,
  memoryBytes: number | undefined,
): SearchTuner {
  const { source } = request
  if (config.name === 'autotvm') return new AutotvmTuner(request, config, memoryBytes)
  if ('model' in source) {
    const network = { ...request, source }
    if (config.name === 'auto_scheduler')
      return new FunctionTuner(autoScheduling, network, config, memoryBytes)
    if (config.name === 'meta_scheduler')
      return new FunctionTuner(metaScheduling, network, config, memoryBytes)
  }
  const what = 'model' in source ? 'networks' : 'workloads of templates'
  throw new TvmNodeError('ERR_NOT_AVAILABLE', `${what} are not searched with '${config.name}'`)
}

/** A listener whose faults do not end the work it listens to. */
function guarded(listener: TuneOptions['onEvent']): (event: TuneEvent) => void {
  return (event) => {
    try {
      listener?.(event)
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error))
    }
  }
}

/**
 * Tunes an ONNX network: searches configurations for its operators, measures them on this machine or on the boards that
 * `tuner.runner` names, and builds the network with
 * those that make the whole of it faster. Never slower than untuned, up to the noise of measurements.
 *
 * Ending it by `signal` stops builds and runs within two seconds; what was measured is in `tuner.records`, from which another
 * call goes on.
 *
 * @throws `ERR_INVALID_ARGUMENT`, `ERR_CONFIG`, `ERR_WRITE_FAILED` (the records cannot be opened), and what `compile` throws
 */
export async function tune(model: string | Uint8Array, options: TuneOptions = {}): Promise<TuneReport> {
  checkOptions(optionsSchema, options, 'tune')
  const { target = DEFAULT_TARGET, optLevel = 3, shapes = {}, constants = {} } = options
  const { templates = [], config = {}, desiredLayouts = {} } = options
  const started = performance.now()
  const folder = await makePrivateFolder('tune')
  try {
    const path = typeof model === 'string' ? resolve(model) : join(folder, 'model.onnx')
    if (typeof model !== 'string') await writePrivate(path, model)
    const source = { model: path, optLevel, shapes, constants, desiredLayouts }
    return await withTuning(source, options, async ({ session, tasks, infos, runner, emit, signal }) => {
      const executor = options.micro ? 'aot' : 'auto'
      const compileOptions: CompileOptions = {
        ...{ target, executor, optLevel, shapes, constants, templates, config, desiredLayouts },
        ...(options.memoryBytes !== undefined && { memoryBytes: options.memoryBytes }),
      }
      const network = { compile: compileOptions, runner, threads: options.threads, signal }
      emit({ type: 'phase', phase: 'baseline' })
      const untuned = await buildCandidate(path, 'untuned', [], network)
      await measureCandidates([untuned], network)
      emit({ type: 'network', when: 'before', label: untuned.label, latencyMs: untuned.latencyMs })

      emit({ type: 'phase', phase: 'defaults' })
      await session.measureDefaults()
      session.accountFor(untuned.latencyMs / 1000)
      emit({ type: 'phase', phase: 'search' })
      await session.search()

      emit({ type: 'phase', phase: 'contest' })
      const build = (label: string, records: readonly TuningRecord[]) =>
        buildCandidate(path, label, records, network)
      const best = await session.decide(() => true)
      const ranked = new Map(
        tasks.map((state) => [state, state.ranked((record) => isPlain(state, record)).slice(0, RANKS)]),
      )
      const within = await chooseWithinNetwork(ranked, untuned, build, network)
      const plain = async () => [...(await session.decide(isPlain)).values()]
      const selections = [
        { label: 'best of each task', records: [...best.values()] },
        within
          ? { label: 'best within the network', records: within }
          : { label: 'best in the default layouts', records: await plain() },
      ].filter(({ records }) => records.length > 0)
      emit({ type: 'phase', phase: 'network' })
      const tuned: Candidate[] = []
      for (const { label, records } of selections) tuned.push(await build(label, records))
      const chosen = await chooseNetwork(untuned, tuned, network, emit)
      emit({ type: 'network', when: 'after', label: chosen.label, latencyMs: chosen.latencyMs })
      const kept = new Set(chosen.records.map(({ workload }) => workloadKey(workload)))
      return {
        tasks: tasks.map((state, i) =>
          taskReport(state, infos[i] as TaskInfo, kept.has(workloadKey(state.task.workload))),
        ),
        beforeMs: untuned.latencyMs,
        afterMs: chosen.latencyMs,
        artifact: chosen.artifact,
        best: chosen.records,
        trials: tasks.reduce((sum, { records }) => sum + records.length, 0),
        seconds: (performance.now() - started) / 1000,
      }
    })
  } finally {
    await removePrivateFolder(folder)
  }
}

/** Options that concern a whole network have no meaning for operators by themselves. */
export type TuneWorkloadsOptions = Omit<
  TuneOptions,
  'optLevel' | 'shapes' | 'constants' | 'desiredLayouts' | 'threads'
>

/** What tuning workloads by themselves came to. */
export interface TuneWorkloadsReport {
  readonly tasks: readonly TaskReport[]
  /** The best record of each task that is faster than its default configuration. */
  readonly best: readonly TuningRecord[]
}

/** Tunes operators by themselves, for example those of templates of your own. @throws as `tune` */
export async function tuneWorkloads(
  workloads: readonly Workload[],
  options: TuneWorkloadsOptions = {},
): Promise<TuneWorkloadsReport> {
  checkOptions(optionsSchema, options, 'tuneWorkloads')
  return withTuning(workloads, options, async ({ session, tasks, infos, emit }) => {
    emit({ type: 'phase', phase: 'defaults' })
    await session.measureDefaults()
    emit({ type: 'phase', phase: 'search' })
    await session.search()
    emit({ type: 'phase', phase: 'contest' })
    const winners = await session.decide(() => true)
    return {
      tasks: tasks.map((state, i) => taskReport(state, infos[i] as TaskInfo, winners.has(state))),
      best: [...winners.values()],
    }
  })
}

/** Measures all against each other, the untuned one among them, and keeps the fastest. */
async function chooseNetwork(
  untuned: Candidate,
  tuned: readonly Candidate[],
  network: Parameters<typeof measureCandidates>[1],
  emit: (event: TuneEvent) => void,
): Promise<Candidate> {
  const candidates = [untuned, ...tuned]
  await measureCandidates(candidates, network)
  for (const { label, latencyMs } of candidates)
    emit({ type: 'network', when: 'candidate', label, latencyMs })
  const best = candidates.reduce((a, b) => (b.latencyMs < a.latencyMs ? b : a))
  await Promise.all(candidates.filter((each) => each !== best).map(({ artifact }) => artifact.dispose()))
  return best
}

/** Whether a record leaves the layout of the default configuration, so that no conversion is added. */
function isPlain({ task }: TaskState, { config }: TuningRecord): boolean {
  return keepsLayout(config, task.defaults)
}

function taskInfo({ task, weight, records }: TaskState): TaskInfo {
  return {
    name: task.title?.split(' ')[0] ?? task.workload.task,
    description: task.title ?? describeWorkload(task.workload),
    weight,
    gflop: task.flop / 1e9,
    size: task.size,
    resumed: records.length,
  }
}

function taskReport(state: TaskState, info: TaskInfo, kept: boolean): TaskReport {
  const { failure, defaultCost, bestCost } = state
  const ms = (cost: number | undefined) =>
    cost !== undefined && Number.isFinite(cost) ? 1000 * cost : undefined
  const [defaultMs, bestMs] = [ms(defaultCost), ms(bestCost)]
  return {
    ...info,
    trials: state.trials,
    ended: failure ? 'failed' : (state.ended ?? 'time'),
    ...(defaultMs === undefined ? {} : { defaultMs }),
    ...(bestMs === undefined ? {} : { bestMs }),
    kept,
    ...(failure ? { failure } : {}),
  }
}
