import { getOp } from '../ir/op.js'
import type { Target } from '../ir/target.js'
import type { Schedule, Tensor } from '../ir/te.js'
import {
  getGlobalFunc,
  type PackedFunc,
  type TvmArg,
  type TvmArray,
  type TvmObject,
} from '../runtime/index.js'
import type { Workload } from '../schedule-config/workload.js'

/** How an operator fuses (TVM v0.18, include/tvm/relay/op_attr_types.h). */
export const OpPattern = {
  ELEMWISE: 0,
  BROADCAST: 1,
  INJECTIVE: 2,
  COMM_REDUCE: 3,
  OUT_ELEMWISE_FUSABLE: 4,
  TUPLE: 7,
  OPAQUE: 8,
} as const
export type OpPattern = (typeof OpPattern)[keyof typeof OpPattern]

export type Attrs = TvmObject
export type Compute = (attrs: Attrs, inputs: Tensor[], outType: TvmObject) => Tensor[]
export type FSchedule = (attrs: Attrs, outs: Tensor[], target: Target) => Schedule

/** One way to compute and schedule an operator; the valid one of the highest `plevel` is taken, the first of equals. */
export interface Implementation {
  readonly name: string
  /** Preference; default 10. */
  readonly plevel?: number
  /** Whether its schedule has choices that nobody can tune. */
  readonly tunable?: boolean
  /** What a tuner can search, and records are found by. */
  readonly workload?: Workload
  /** The workload, in the model's own layouts, whose record would be taken in its place. */
  readonly standsFor?: Workload
  /** Only what the operator becomes when its layout is altered: a task of the network, but no kernel for the operator as it is. */
  readonly onlyAltered?: boolean
  readonly compute: Compute
  readonly schedule: FSchedule
}

export interface StrategyContext {
  readonly attrs: Attrs
  readonly inputs: readonly Tensor[]
  readonly outType: TvmObject
  readonly target: Target
}
/** Lists the implementations that are valid for the case at hand. */
export type Strategy = (context: StrategyContext) => Implementation[]

const GENERIC = 'generic'
const strategies = new Map<string, Map<string, Strategy>>()
const computes = new Map<string, Compute>()
const patterns = new Map<string, OpPattern>()
const opAttrs: { op: string; key: string; value: OpAttrFunction | TvmArg }[] = []

export type OpAttrFunction = (...args: never[]) => unknown

/** Registers the strategy of `op` for targets that have one of `keys` (default: every target). */
export function registerStrategy(op: string, strategy: Strategy, options: { keys?: string[] } = {}): void {
  const byKey = strategies.get(op) ?? new Map<string, Strategy>()
  strategies.set(op, byKey)
  for (const key of options.keys ?? [GENERIC]) byKey.set(key, strategy)
}

/** Registers the compute of an operator whose compute the library lacks. */
export function registerCompute(op: string, compute: Compute): void {
  computes.set(op, compute)
}

/**
 * Registers a schedule for an operator whose compute stands alone (the library's `FTVMCompute`, or one given to
 * `registerCompute`).
 */
export function registerSchedule(op: string, schedule: FSchedule, options: { keys?: string[] } = {}): void {
  const suffix = options.keys?.[0] ?? GENERIC
  registerStrategy(op, () => [{ name: `${op}.${suffix}`, compute: computeOf(op), schedule }], options)
}

/** Says how an operator fuses, where the library does not know it. */
export function registerPattern(op: string, pattern: OpPattern): void {
  patterns.set(op, pattern)
}

/** Sets a function-valued attribute of an operator (`FTVMLegalize`, `FTVMAlterOpLayout`...) that a pass looks up. */
export function registerOpAttr(op: string, key: string, value: OpAttrFunction): void {
  opAttrs.push({ op, key, value })
}

/** Sets an attribute of an operator that is plain data. */
export function registerOpValue(op: string, key: string, value: TvmArg): void {
  opAttrs.push({ op, key, value })
}

/** Hands everything registered so far to the library. Once per process; `register.ts` calls it. */
export function installOpAttributes(): void {
  const register = getGlobalFunc('ir.RegisterOpAttr')
  const plevel = 10
  for (const [op, pattern] of patterns) register(op, 'TOpPattern', pattern, plevel)
  for (const { op, key, value } of opAttrs) register(op, key, value as never, plevel)
}

/** The strategy of `op` for a target: its keys in order, then the generic one. */
export function findStrategy(op: string, target: Target): Strategy | undefined {
  const byKey = strategies.get(op)
  if (!byKey) return undefined
  for (const key of target.keys) {
    const strategy = byKey.get(key)
    if (strategy) return strategy
  }
  return byKey.get(GENERIC)
}

/** Names of the operators that have a strategy, for documentation and tests. */
export function operatorsWithStrategy(): string[] {
  return [...strategies.keys()].sort()
}

/** Whether an operator has a compute apart from strategies. */
export function hasCompute(op: string): boolean {
  return computes.has(op) || getGlobalFunc('ir.OpGetAttr')(getOp(op), 'FTVMCompute') !== null
}

/** The compute of an operator that has one apart from strategies. */
export function computeOf(op: string): Compute {
  const own = computes.get(op)
  if (own) return own
  let builtin: PackedFunc | undefined
  return (attrs, inputs, outType) => {
    builtin ??= getGlobalFunc('ir.OpGetAttr')(getOp(op), 'FTVMCompute') as PackedFunc
    return (builtin(attrs, inputs, outType) as TvmArray<Tensor>).toArray()
  }
}
