import type { TrialResult } from '../measure/trial.js'
import type { PlainConfig } from '../schedule-config/config-entity.js'
import { meanCost, TrialError, type TuningRecord } from '../schedule-config/record.js'
import type { TuningTask } from './autotvm/extract-task.js'
import type { Tried } from './autotvm/search.js'

/** Why no more trials of a task are made. */
export type EndReason = 'budget' | 'exhausted' | 'early-stopping' | 'failed'

/** What a task has come to so far. */
export class TaskState {
  readonly records: TuningRecord[] = []
  /** The best valid one. */
  best: TuningRecord | undefined
  /** Seconds a call with the default configuration; undefined before it was measured, infinite where it fails. */
  defaultCost: number | undefined
  ended: EndReason | undefined
  private readonly failures = new Map<TrialError, { count: number; message: string }>()
  private sinceGain = 0
  /** Relative gain of each batch. */
  private readonly gains: number[] = []

  constructor(
    readonly number: number,
    readonly task: TuningTask,
  ) {}

  /** Calls in the network. */
  get weight(): number {
    return this.task.calls.length
  }
  /** Trials that count as spent: all but the default configuration. */
  get trials(): number {
    return this.records.length - (this.defaultCost === undefined ? 0 : 1)
  }
  get bestCost(): number {
    return this.best ? meanCost(this.best) : Number.POSITIVE_INFINITY
  }
  /** Trials since the best one. */
  get stale(): number {
    return this.sinceGain
  }
  get tried(): Tried[] {
    return this.records.map((record) => ({ index: record.config.index, cost: meanCost(record) }))
  }

  /** The valid records of other configurations than the default one that a filter lets through, the fastest first. */
  ranked(filter: (record: TuningRecord) => boolean): TuningRecord[] {
    return this.records
      .filter((record) => record.costs.length > 0 && !this.isDefault(record.config) && filter(record))
      .sort((a, b) => meanCost(a) - meanCost(b))
  }

  isDefault(config: PlainConfig): boolean {
    return JSON.stringify(config.entity) === JSON.stringify(this.task.defaults.entity)
  }

  add(record: TuningRecord, message = ''): void {
    this.records.push(record)
    const cost = meanCost(record)
    if (this.isDefault(record.config)) this.defaultCost = cost
    if (record.error !== TrialError.NONE) {
      const known = this.failures.get(record.error)
      this.failures.set(record.error, {
        count: (known?.count ?? 0) + 1,
        message: known?.message || message,
      })
    }
    if (cost < this.bestCost) {
      this.best = record
      this.sinceGain = 0
    } else this.sinceGain++
  }

  /** Says how much a batch gained on what was best before it. */
  endBatch(before: number): void {
    this.gains.push(Number.isFinite(before) ? Math.max(0, 1 - this.bestCost / before) : 1)
  }

  /**
   * Seconds of the network's latency that another batch may save: where the time is, times what the last batches gained, and
   * something for those little searched.
   */
  get promise(): number {
    if (!Number.isFinite(this.bestCost)) return Number.POSITIVE_INFINITY
    const recent = this.gains.slice(-2)
    const gain = recent.reduce((sum, each) => sum + each, 0) / Math.max(1, recent.length)
    return this.weight * this.bestCost * (gain + 0.2 / (1 + this.gains.length))
  }

  /** The most frequent error, if no trial was valid. */
  get failure(): { error: TrialError; count: number; message: string } | undefined {
    if (this.best) return undefined
    const [first] = [...this.failures].sort(([, a], [, b]) => b.count - a.count)
    return first && { error: first[0], ...first[1] }
  }
}

export function toRecord(
  target: string,
  { task }: TaskState,
  config: PlainConfig,
  { costs, error, elapsed, timestamp }: TrialResult,
): TuningRecord {
  return { target, workload: task.workload, config, costs, error, elapsed, timestamp }
}
