import { TvmNodeError } from '../errors.js'
import { ConfigEntity, type PlainConfig } from './config-entity.js'
import { AUTO_SCHEDULER, decodeSearchRecord, encodeSearchRecord, isSearchRecord } from './search-record.js'
import type { PlainArg, Workload } from './workload.js'

/** Why a trial failed, by TVM's numbers (v0.18, python/tvm/autotvm/measure/measure.py, MeasureErrorNo). */
export const TrialError = {
  NONE: 0,
  INSTANTIATION: 1,
  COMPILE_HOST: 2,
  COMPILE_DEVICE: 3,
  RUNTIME_DEVICE: 4,
  WRONG_ANSWER: 5,
  BUILD_TIMEOUT: 6,
  RUN_TIMEOUT: 7,
  UNKNOWN: 8,
} as const
export type TrialError = (typeof TrialError)[keyof typeof TrialError]

/** One measured configuration. */
export interface TuningRecord {
  /** TVM's notation, as the library prints it. */
  readonly target: string
  readonly workload: Workload
  readonly config: PlainConfig
  /** Seconds a call, one a repetition; empty where the trial failed. */
  readonly costs: readonly number[]
  readonly error: TrialError
  /** Seconds that building and measuring took. */
  readonly elapsed: number
  /** Seconds since 1970. */
  readonly timestamp: number
}

const RECORD_VERSION = 0.2
const TVM_VERSION = '0.18.0'
/** What TVM writes as the cost of a failed trial. */
const FAILED_COST = 1e9

/**
 * One line of a log that TVM reads as well (v0.18, python/tvm/autotvm/record.py, and for schedules without a template
 * src/auto_scheduler/measure_record.cc). Empty for what these formats cannot hold: the measurement of an untuned operator.
 */
export function encodeRecord(record: TuningRecord): string {
  if (record.workload.task === AUTO_SCHEDULER) return encodeSearchRecord(record)
  const { target, workload, config, costs, error, elapsed, timestamp } = record
  return JSON.stringify({
    input: [target, workload.task, workload.args, {}],
    config,
    result: [error === TrialError.NONE ? costs : [FAILED_COST], error, elapsed, timestamp],
    version: RECORD_VERSION,
    tvm_version: TVM_VERSION,
  })
}

/**
 * Reads a line of a log; undefined for comments, empty lines and records of an older format.
 *
 * @throws `ERR_RECORD` for what is no record
 */
export function decodeRecord(line: string): TuningRecord | undefined {
  const text = line.trim()
  if (text === '' || text.startsWith('#')) return undefined
  try {
    const raw = JSON.parse(text) as RawRecord
    return isSearchRecord(raw) ? decodeSearchRecord(raw) : toRecord(raw)
  } catch (cause) {
    const shown = text.length > 80 ? `${text.slice(0, 77)}...` : text
    throw new TvmNodeError('ERR_RECORD', `not a tuning record: ${shown}: ${(cause as Error).message}`, {
      cause,
    })
  }
}

interface RawRecord {
  readonly input: readonly [target: string, task: string, args: PlainArg[]]
  readonly config: PlainConfig
  readonly result: readonly [costs: number[], error: number, elapsed: number, timestamp: number]
  readonly version?: number
}

function toRecord({ input, config, result, version }: RawRecord): TuningRecord | undefined {
  if (version !== RECORD_VERSION) return undefined
  const [target, task, args] = input
  const [costs, error, elapsed, timestamp] = result
  if (typeof target !== 'string' || typeof task !== 'string' || !Array.isArray(args))
    throw new Error('its input is not a target, a task and arguments')
  if (!Array.isArray(costs) || !costs.every((cost) => Number.isFinite(cost)) || !Number.isInteger(error))
    throw new Error('its result is not a list of costs and an error number')
  // Refuses a configuration that is none.
  ConfigEntity.fromPlain(config)
  return {
    // Older spelling of the option.
    target: target.replace(/(^|\s)-target[= ]/, '$1-mtriple='),
    workload: { task, args },
    config,
    costs: error === TrialError.NONE ? costs : [],
    error: error as TrialError,
    elapsed,
    timestamp,
  }
}

/** Seconds a call: the mean of a record's repetitions; infinite where the trial failed. */
export function meanCost({ costs }: Pick<TuningRecord, 'costs'>): number {
  return costs.length === 0
    ? Number.POSITIVE_INFINITY
    : costs.reduce((sum, cost) => sum + cost, 0) / costs.length
}
