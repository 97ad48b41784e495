import type { OperatorCount } from '../compile/analysis/count.js'
import type { PassTime } from '../compile/analysis/trace.js'
import { durations } from '../results/compare.js'
import type { ResultFilter, StoredResult, WholeResult } from '../results/record.js'
import type { ResultStore } from '../results/store.js'
import type { MemoryStep } from '../session/memory.js'
import type { TaskHistory, TuneHistory } from '../tuning/history.js'

/** One epoch of a training as it was on the board. */
export interface EpochPoint {
  readonly epoch: number
  readonly stage: string
  readonly status: StoredResult['status']
  /** Without the stage in front. */
  readonly metrics: Readonly<Record<string, number>>
  /** Why it was not measured. */
  readonly why: string | undefined
}

export interface Training {
  readonly run: string
  readonly network: string
  readonly board: string
  readonly tuner: string
  readonly epochs: readonly EpochPoint[]
}

/** What the operators of a network take, newest profile and the one before it with other code. */
export interface OperatorTimes {
  readonly network: string
  readonly where: string
  readonly operators: readonly {
    readonly name: string
    readonly us: number
    readonly beforeUs: number | undefined
  }[]
}

export interface Tuning {
  readonly result: WholeResult
  readonly tasks: readonly TaskHistory[]
  readonly network: TuneHistory['network']
}

/** What is in memory while a network runs, call by call. */
export interface MemoryUse {
  readonly network: string
  readonly where: string
  readonly peakBytes: number
  readonly workspaceBytes: number
  readonly parameterBytes: number
  readonly steps: readonly MemoryStep[]
}

/** What a network computes, before anything is optimised. */
export interface Computation {
  readonly network: string
  /** Those with the most work first. */
  readonly operators: readonly OperatorCount[]
}

/** What takes the time of compiling a network. */
export interface Compilation {
  readonly network: string
  readonly where: string
  /** The longest first. */
  readonly passes: readonly PassTime[]
}

/** What a report shows. */
export interface ReportData {
  readonly trainings: readonly Training[]
  readonly operators: readonly OperatorTimes[]
  readonly tunings: readonly Tuning[]
  readonly computations: readonly Computation[]
  readonly memories: readonly MemoryUse[]
  readonly compilations: readonly Compilation[]
  /** Newest first. */
  readonly results: readonly StoredResult[]
  /** Results in the store that pass the filter; those beyond the limit are not shown. */
  readonly truncated: boolean
}

const MOST_RESULTS = 5000
const MOST_TUNINGS = 8

/** Reads from a store what a report shows. */
export async function collect(store: ResultStore, filter: ResultFilter = {}): Promise<ReportData> {
  const limit = filter.limit ?? MOST_RESULTS
  const found = await store.list({ ...filter, limit: limit + 1 })
  const results = found.slice(0, limit)
  const evaluations = results.filter(({ kind }) => kind === 'evaluation')
  const tunings = results.filter(({ kind }) => kind === 'tune').slice(0, MOST_TUNINGS)
  return {
    trainings: await Promise.all(
      [...grouped(evaluations, ({ run }) => run ?? '').values()].map((each) => training(store, each)),
    ),
    operators: await operatorTimes(store, results),
    tunings: await Promise.all(tunings.map(async ({ id }) => tuning(await store.get(id)))),
    computations: (await newest(store, results, 'operators')).map(({ network, details }) => ({
      network,
      operators: (details.operators ?? []) as OperatorCount[],
    })),
    memories: (await newest(store, results, 'memory')).map(memoryUse),
    compilations: (await newest(store, results, 'passes')).map((result) => ({
      network: result.network,
      where: placeOf(result),
      passes: (result.details.passes ?? []) as PassTime[],
    })),
    results,
    truncated: found.length > limit,
  }
}

async function training(store: ResultStore, newestFirst: readonly StoredResult[]): Promise<Training> {
  const [last] = newestFirst as [StoredResult]
  const epochs = await Promise.all(
    newestFirst.toReversed().map(async ({ id, epoch = 0, stage = 'validation', status, metrics }) => ({
      epoch,
      stage,
      status,
      metrics: withoutStage(metrics),
      why: status === 'ok' ? undefined : reasonOf(await store.get(id)),
    })),
  )
  const { run = '', network, board = '', tuner = '' } = last
  return { run, network, board, tuner, epochs }
}

export function withoutStage(metrics: StoredResult['metrics']): Record<string, number> {
  return Object.fromEntries(
    Object.entries(metrics).map(([name, value]) => [name.replace(/^(val|test)_backend_/, ''), value]),
  )
}

function reasonOf({ details }: WholeResult): string {
  const { phase, message, code } = (details.error ?? {}) as Record<string, string | undefined>
  if (message === undefined) return String(details.reason ?? 'unknown')
  return `${phase}: ${code ? `${code}: ` : ''}${message}`
}

/**
 * Of each network on each board the newest profile, with the times of the one before where there is one. Trainings are apart: their
 * networks may bear the same name.
 */
async function operatorTimes(store: ResultStore, results: readonly StoredResult[]): Promise<OperatorTimes[]> {
  const measured = results.filter(
    ({ kind, status }) => (kind === 'profile' || kind === 'evaluation') && status === 'ok',
  )
  const places = grouped(measured, (result) => `${result.network}\n${placeOf(result)}\n${result.run ?? ''}`)
  return Promise.all(
    [...places.values()].map(async ([newest, before]) => {
      const now = durations(await store.get((newest as StoredResult).id))
      const then = before ? durations(await store.get(before.id)) : {}
      const operators = Object.entries(now).map(([name, us]) => ({ name, us, beforeUs: then[name] }))
      const { network } = newest as StoredResult
      return {
        network,
        where: [placeOf(newest as StoredResult), newest?.run && `training ${newest.run}`]
          .filter(Boolean)
          .join(', '),
        operators: operators.sort((a, b) => b.us - a.us),
      }
    }),
  )
}

/** The newest result of a kind of each network on each target, whole. */
function newest(
  store: ResultStore,
  results: readonly StoredResult[],
  kind: StoredResult['kind'],
): Promise<WholeResult[]> {
  const ofKind = results.filter((result) => result.kind === kind)
  const places = grouped(ofKind, (result) => `${result.network}\n${placeOf(result)}`)
  return Promise.all([...places.values()].map(([first]) => store.get((first as StoredResult).id)))
}

function memoryUse(result: WholeResult): MemoryUse {
  const { metrics, details, network } = result
  return {
    network,
    where: placeOf(result),
    peakBytes: metrics.peak_bytes ?? 0,
    workspaceBytes: metrics.workspace_bytes ?? 0,
    parameterBytes: metrics.parameter_bytes ?? 0,
    steps: (details.steps ?? []) as MemoryStep[],
  }
}

export function placeOf({ board, target }: StoredResult): string {
  return board ?? target ?? ''
}

function tuning(result: WholeResult): Tuning {
  const { tasks, network } = result.details as { tasks?: TaskHistory[]; network?: Tuning['network'] }
  return { result, tasks: tasks ?? [], network: network ?? [] }
}

function grouped<T>(values: readonly T[], keyOf: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const value of values) {
    const key = keyOf(value)
    const group = groups.get(key)
    if (group) group.push(value)
    else groups.set(key, [value])
  }
  return groups
}
