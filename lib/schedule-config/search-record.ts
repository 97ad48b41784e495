import type { PlainConfig } from './config-entity.js'
import type { TuningRecord } from './record.js'

/** The task of records that auto_scheduler writes; their one argument is TVM's workload key. */
export const AUTO_SCHEDULER = 'auto_scheduler'

/** What the library writes of a measured schedule: task and state, as it reads them again. */
export type MeasureInput = readonly [
  task: readonly [workloadKey: string, target: string, ...rest: unknown[]],
  state: readonly [stages: unknown, steps: readonly unknown[]],
]

interface RawSearchRecord {
  readonly i: MeasureInput
  readonly r: readonly [costs: number[], error: number, elapsed: number, timestamp: number]
  readonly v: string
}

const VERSION = 'v0.6'
/** What TVM writes as the cost of a failed trial. */
const FAILED_COST = 1e10

const TASK = 'task'
const STATE = 'state'

/** A schedule as the configuration of a record. */
export function stepsConfig([task, state]: MeasureInput): PlainConfig {
  return {
    index: -1,
    code_hash: null,
    entity: [
      [TASK, 'ot', JSON.stringify(task.slice(2))],
      [STATE, 'ot', JSON.stringify(state)],
    ],
  }
}

/** The library's form of a record's schedule; undefined for the schedule of no steps that operators have untuned. */
export function measureInput({
  target,
  workload,
  config,
}: Pick<TuningRecord, 'target' | 'workload' | 'config'>): MeasureInput | undefined {
  const text = (name: string) => config.entity.find(([each]) => each === name)?.[2] as string | undefined
  const [task, state] = [text(TASK), text(STATE)]
  if (task === undefined || state === undefined) return undefined
  return [[workload.args[0] as string, target, ...JSON.parse(task)], JSON.parse(state)]
}

/** A line as the library reads it (TVM v0.18, src/auto_scheduler/measure_record.cc); empty for an untuned operator. */
export function encodeSearchRecord(record: TuningRecord): string {
  const input = measureInput(record)
  if (!input) return ''
  const { costs, error, elapsed, timestamp } = record
  const result = [error === 0 ? costs : [FAILED_COST], error, elapsed, Math.trunc(timestamp)]
  return JSON.stringify({ i: input, r: result, v: VERSION })
}

/** @throws Error saying what is wrong */
export function decodeSearchRecord({ i, r }: RawSearchRecord): TuningRecord {
  const [task, state] = i
  const [costs, error, elapsed, timestamp] = r
  if (!Array.isArray(task) || typeof task[0] !== 'string' || typeof task[1] !== 'string')
    throw new Error('its task is not a workload key and a target')
  if (!Array.isArray(state) || !Array.isArray(state[1]) || !state[1].every(Array.isArray))
    throw new Error('its state is not a list of steps')
  if (!Array.isArray(costs) || !costs.every(Number.isFinite) || !Number.isInteger(error))
    throw new Error('its result is not a list of costs and an error number')
  return {
    target: task[1],
    workload: { task: AUTO_SCHEDULER, args: [task[0]] },
    config: stepsConfig(i),
    costs: error === 0 ? costs : [],
    error: error as TuningRecord['error'],
    elapsed,
    timestamp,
  }
}

/** Whether a parsed line has the form of these records. */
export function isSearchRecord(raw: object): raw is RawSearchRecord {
  return 'i' in raw && 'r' in raw
}
