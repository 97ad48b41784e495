import { target as parseTarget, type Target } from '../ir/target.js'
import type { TvmArg } from '../runtime/index.js'
import type { ScheduleInfo } from '../session/artifact.js'
import { meanCost, type TuningRecord } from './record.js'

/** Pass options of a lowering, to which a way of scheduling may add its own. */
export type LoweringConfig = Readonly<Record<string, TvmArg>>

/**
 * The best record of each fused function, for a target that shares a key with the record's (as in TVM v0.18,
 * python/tvm/auto_scheduler/dispatcher.py). The same target comes before another one; the first of equals wins.
 */
export abstract class FunctionHistory {
  private readonly best = new Map<string, TuningRecord>()
  private readonly refused: string[] = []
  /** Functions that have been scheduled by a record: keys with what was done. */
  private readonly hits = new Map<string, string>()

  /** @param task - The task of the records, whose first argument is the function's key. */
  constructor(
    private readonly task: string,
    records: Iterable<TuningRecord>,
    protected readonly target: Target,
  ) {
    const known = new Map<string, 'same' | 'akin' | 'foreign'>()
    for (const record of records) {
      if (!this.takes(record) || record.costs.length === 0) continue
      const relation = known.get(record.target) ?? this.relation(record.target)
      known.set(record.target, relation)
      if (relation === 'foreign') continue
      const key = `${relation} ${record.workload.args[0]}`
      const before = this.best.get(key)
      if (!before || meanCost(record) < meanCost(before)) this.best.set(key, record)
    }
  }

  /** Whether a record is of this kind. */
  takes({ workload }: TuningRecord): boolean {
    return workload.task === this.task
  }

  /** Whether there is nothing to apply. */
  get isEmpty(): boolean {
    return this.best.size === 0
  }

  /** Lowers a network with these schedules. */
  abstract during<T>(config: LoweringConfig, lower: (config: LoweringConfig) => T): T

  /** What was scheduled by a record, as an artifact tells it. */
  get schedules(): ScheduleInfo[] {
    return [...this.hits].map(([workload, config]) => ({
      implementation: this.task,
      source: 'tuned',
      workload,
      config,
    }))
  }

  /** Records that could not be applied, with the reason. */
  get problems(): readonly string[] {
    if (this.isEmpty || this.hits.size > 0 || this.refused.length > 0) return this.refused
    return [
      `none of the ${this.best.size} computations that ${this.task} has records of is in this network as it is built for ${this.target}`,
    ]
  }

  /**
   * Applies the record of a function.
   *
   * @param apply - Returns what came of it, with what was done as text.
   * @returns Null where there is no record, or one that does not fit.
   */
  protected applyBest<T>(
    name: string,
    key: string,
    apply: (record: TuningRecord) => readonly [applied: T, steps: string],
  ): T | null {
    const record = this.best.get(`same ${key}`) ?? this.best.get(`akin ${key}`)
    if (!record) return null
    try {
      const [applied, steps] = apply(record)
      this.hits.set(key, steps)
      return applied
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
