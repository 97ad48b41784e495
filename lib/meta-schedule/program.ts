import type { IRModule } from '../ir/module.js'
import { IntImm, IterKind, type IterVar, PrimExpr } from '../ir/tir.js'
import {
  getGlobalFunc,
  structuralHash,
  type TvmArg,
  TvmArray,
  TvmMap,
  type TvmObject,
  type TvmValue,
} from '../runtime/index.js'
import type { Trace } from '../schedule-config/trace-record.js'

/**
 * A function whose schedule is searched (TVM v0.18, include/tvm/meta_schedule/database.h): TVM's hash of its structure, and its
 * module as databases hold it.
 */
export interface DescribedModule {
  readonly hash: string
  readonly module: string
}

export function describeModule(module: TvmObject): DescribedModule {
  const workload = getGlobalFunc('meta_schedule.Workload')(module)
  const line = getGlobalFunc('meta_schedule.WorkloadAsJSON')(workload) as TvmArray<string>
  const [hash, text] = line.toArray() as [string, string]
  return { hash, module: text }
}

/** TVM's hash of a module's structure, in which names do not count. */
export function hashOf(module: TvmObject): string {
  return String(BigInt.asUintN(64, structuralHash(module)))
}

/** @throws `ERR_TVM` for what is no module */
export function parseModule({ hash, module }: DescribedModule): TvmObject {
  return (getGlobalFunc('meta_schedule.WorkloadFromJSON')([hash, module]) as TvmObject).get(
    'mod',
  ) as TvmObject
}

const SEED = -1
const NO_DEBUGGING = 0
/** Errors tell what was to be done where. */
const IN_DETAIL = 0

/** A module together with what was done to it (TVM v0.18, include/tvm/tir/schedule/schedule.h). */
export function applyTrace(module: TvmObject, trace: Trace): TvmObject {
  const schedule = getGlobalFunc('tir.schedule.TracedSchedule')(
    module,
    SEED,
    NO_DEBUGGING,
    IN_DETAIL,
    true,
  ) as TvmObject
  getGlobalFunc('tir.schedule.TraceApplyJSONToSchedule')(trace as TvmArg, schedule)
  return schedule
}

export function traceOf(schedule: TvmObject): Trace {
  const trace = getGlobalFunc('tir.schedule.ScheduleGetTrace')(schedule)
  return plain(getGlobalFunc('tir.schedule.TraceAsJSON')(trace, false)) as Trace
}

export function moduleOf(schedule: TvmObject): TvmObject {
  return getGlobalFunc('tir.schedule.ScheduleGetMod')(schedule) as TvmObject
}

/** The function that a module of one consists of. */
export function functionOf(module: TvmObject): TvmObject {
  return (module as IRModule).lookup()
}

/** Whether anything is summed up in a module: what else there is is left to the default schedules. */
export function reduces(module: TvmObject): boolean {
  let found = false
  getGlobalFunc('tir.PostOrderVisit')(
    functionOf(module).get('body') as TvmObject,
    ((node: TvmObject) => {
      if (found || node.typeKey !== 'tir.Block') return
      const axes = (node.get('iter_vars') as TvmArray<IterVar>).toArray()
      found = axes.some((axis) => axis.get('iter_type') === IterKind.REDUCE)
    }) as never,
  )
  return found
}

/** Arrays, maps and constants of the library as plain data. */
export function plain(value: TvmValue): unknown {
  if (value instanceof TvmArray) return value.toArray().map(plain)
  if (value instanceof TvmMap)
    return Object.fromEntries([...value.entries()].map(([key, each]) => [key, plain(each)]))
  if (value instanceof IntImm) return value.value
  return value instanceof PrimExpr ? value.get('value') : value
}
