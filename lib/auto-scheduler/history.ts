import { target as parseTarget, type Target } from '../ir/target.js'
import type { Schedule, Tensor } from '../ir/te.js'
import { meanCost, type TuningRecord } from '../schedule-config/record.js'
import { AUTO_SCHEDULER, measureInput } from '../schedule-config/search-record.js'
import type { ScheduleInfo } from '../session/artifact.js'
import { ComputeDag, hasReduction, ioTensors } from './dag.js'
import { stateOf } from './state.js'

/**
 * The best record of each computation, for a target that shares a key with the record's (as in TVM v0.18,
 * python/tvm/auto_scheduler/dispatcher.py). The same target comes before another one; the first of equals wins.
 */
export class ScheduleHistory {
  private readonly best = new Map<string, TuningRecord>()
  private readonly refused: string[] = []
  /** Computations that have been scheduled by a record: keys with the steps. */
  private readonly hits = new Map<string, string>()

  constructor(
    records: Iterable<TuningRecord>,
    private readonly target: Target,
  ) {
    const known = new Map<string, 'same' | 'akin' | 'foreign'>()
    for (const record of records) {
      if (record.costs.length === 0) continue
      const relation = known.get(record.target) ?? this.relation(record.target)
      known.set(record.target, relation)
      if (relation === 'foreign') continue
      const key = `${relation} ${record.workload.args[0]}`
      const before = this.best.get(key)
      if (!before || meanCost(record) < meanCost(before)) this.best.set(key, record)
    }
  }

  /** Whether there is nothing to apply. */
  get isEmpty(): boolean {
    return this.best.size === 0
  }

  /** What was scheduled by a record, as an artifact tells it. */
  get schedules(): ScheduleInfo[] {
    return [...this.hits].map(([workload, config]) => ({
      implementation: AUTO_SCHEDULER,
      source: 'tuned',
      workload,
      config,
    }))
  }

  /** Records that could not be applied, with the reason. */
  get problems(): readonly string[] {
    if (this.isEmpty || this.hits.size > 0 || this.refused.length > 0) return this.refused
    return [
      `none of the ${this.best.size} computations that ${AUTO_SCHEDULER} has records of is in this network as it is built for ${this.target}`,
    ]
  }

  /** Schedules a fused function by its record; null where there is none that fits. */
  schedule(name: string, outputs: readonly Tensor[]): Schedule | null {
    if (!hasReduction(outputs)) return null
    let dag: ComputeDag
    try {
      dag = ComputeDag.of(ioTensors(outputs))
    } catch {
      return null
    }
    const record = this.best.get(`same ${dag.key}`) ?? this.best.get(`akin ${dag.key}`)
    if (!record) return null
    try {
      const { schedule } = dag.apply(stateOf(record))
      this.hits.set(dag.key, JSON.stringify(measureInput(record)?.[1][1]))
      return schedule
    } catch (error) {
      this.refused.push(`the record of ${name} cannot be applied: ${(error as Error).message.split('\n')[0]}`)
      return null
    }
  }

  private relation(text: string): 'same' | 'akin' | 'foreign' {
    if (text === String(this.target)) return 'same'
    try {
      const { keys } = parseTarget(text)
      return keys.some((key) => this.target.keys.includes(key)) ? 'akin' : 'foreign'
    } catch (error) {
      this.refused.push(`records of target '${text}' are ignored: ${(error as Error).message}`)
      return 'foreign'
    }
  }
}
