import type { PlainConfig } from './config-entity.js'
import type { TuningRecord } from './record.js'

/** The task of records that MetaSchedule writes; their one argument is TVM's hash of the function. */
export const META_SCHEDULER = 'meta_scheduler'

/** What is done to a function, with the choices made on the way (TVM v0.18, src/tir/schedule/trace.cc). */
export type Trace = readonly [instructions: readonly unknown[], decisions: readonly unknown[]]

/** A target as TVM exports it. */
export type ExportedTarget = Readonly<Record<string, unknown>> & { readonly kind: string }

/** A searched schedule, with all that TVM's databases hold beside what it cost. */
export interface TracedSchedule {
  /** The function: JSON of the library, in Base64. */
  readonly module: string
  readonly trace: Trace
  readonly target: ExportedTarget
  /** Types and shapes of its arguments, in TVM's form. */
  readonly args: unknown
}

const TRACE = 'trace'
const MODULE = 'module'
const TARGET = 'target'
const ARGS = 'args'

/** A searched schedule as the configuration of a record. */
export function traceConfig({ module, trace, target, args }: TracedSchedule): PlainConfig {
  return {
    index: -1,
    code_hash: null,
    entity: [
      [TRACE, 'ot', JSON.stringify(trace)],
      [MODULE, 'ot', module],
      [TARGET, 'ot', JSON.stringify(target)],
      [ARGS, 'ot', JSON.stringify(args)],
    ],
  }
}

/** The schedule of a record; undefined for the one that operators have untuned. */
export function tracedSchedule({ config }: Pick<TuningRecord, 'config'>): TracedSchedule | undefined {
  const text = (name: string) => config.entity.find(([each]) => each === name)?.[2] as string
  if (config.entity.length === 0) return undefined
  return {
    module: text(MODULE),
    trace: JSON.parse(text(TRACE)),
    target: JSON.parse(text(TARGET)),
    args: JSON.parse(text(ARGS)),
  }
}

/** A target in TVM's notation, as the library prints it (TVM v0.18, src/target/target.cc, TargetNode::str). */
export function targetText({ kind, keys, tag: _, host: __, ...attrs }: ExportedTarget): string {
  const words = Object.entries({ keys, ...Object.fromEntries(Object.entries(attrs).sort()) })
  const shown = words.filter(([, value]) => value !== undefined)
  return [kind, ...shown.map(([name, value]) => `-${name}=${value}`)].join(' ')
}
