import type { Target } from '../ir/target.js'
import type { Schedule, Tensor } from '../ir/te.js'
import { FunctionHistory, type LoweringConfig } from '../schedule-config/function-history.js'
import type { TuningRecord } from '../schedule-config/record.js'
import { AUTO_SCHEDULER, measureInput } from '../schedule-config/search-record.js'
import { ComputeDag, hasReduction, ioTensors } from './dag.js'
import { asking, withFunctionScheduler } from './hook.js'
import { stateOf } from './state.js'

/** Schedules that auto_scheduler found, by computation. */
export class ScheduleHistory extends FunctionHistory {
  constructor(records: Iterable<TuningRecord>, target: Target) {
    super(AUTO_SCHEDULER, records, target)
  }

  override during<T>(config: LoweringConfig, lower: (config: LoweringConfig) => T): T {
    return withFunctionScheduler(
      (name, outputs) => this.schedule(name, outputs),
      () => lower({ ...config, ...asking }),
    )
  }

  private schedule(name: string, outputs: readonly Tensor[]): Schedule | null {
    if (!hasReduction(outputs)) return null
    let dag: ComputeDag
    try {
      dag = ComputeDag.of(ioTensors(outputs))
    } catch {
      return null
    }
    return this.applyBest(name, dag.key, (record) => {
      const { schedule } = dag.apply(stateOf(record))
      return [schedule, JSON.stringify(measureInput(record)?.[1][1])]
    })
  }
}
