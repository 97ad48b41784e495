import type { Target } from '../ir/target.js'
import { getGlobalFunc, type TvmObject } from '../runtime/index.js'
import { FunctionHistory, type LoweringConfig } from '../schedule-config/function-history.js'
import type { TuningRecord } from '../schedule-config/record.js'
import { META_SCHEDULER, tracedSchedule } from '../schedule-config/trace-record.js'
import { withFunctionRecords } from './hook.js'
import { dotProductIntrinsic } from './intrinsics.js'
import { applyTrace, hashOf } from './program.js'

/** Schedules that MetaSchedule found, by function. */
export class TraceHistory extends FunctionHistory {
  constructor(records: Iterable<TuningRecord>, target: Target) {
    super(META_SCHEDULER, records, target)
  }

  override during<T>(config: LoweringConfig, lower: (config: LoweringConfig) => T): T {
    dotProductIntrinsic(this.target)
    return withFunctionRecords(
      (name, module) => this.find(name, module),
      () => lower(config),
    )
  }

  private find(name: string, module: TvmObject): TvmObject | null {
    return this.applyBest(name, hashOf(module), (record) => {
      const schedule = tracedSchedule(record)
      if (!schedule) throw new Error('it has no trace')
      const trace = getGlobalFunc('tir.schedule.ScheduleGetTrace')(applyTrace(module, schedule.trace))
      const workload = getGlobalFunc('meta_schedule.Workload')(module)
      const found = getGlobalFunc('meta_schedule.TuningRecord')(
        trace,
        workload,
        null,
        null,
        null,
      ) as TvmObject
      return [found, JSON.stringify(schedule.trace)]
    })
  }
}
