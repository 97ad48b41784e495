import * as relay from '../../ir/relay.js'
import { UNKNOWN_DIM } from '../../ir/type.js'
import { concatenate, emit, reshape } from './emit.js'
import { type Extent, extentsOf, productOf, reshapeTo, rowOf, sliceExtents } from './extents.js'
import { numbers, OpenShape, Value } from './value.js'

/** Loops and branches that a run decides on. Only the virtual machine has them. */

/** Values from around a loop that its steps use: the loop hands them on from step to step, so that none computes them again. */
export class Captured {
  readonly values: Value[] = []
  readonly params: relay.Var[] = []
  readonly #inside = new Map<Value, Value>()

  /** What stands for a value of around inside of the loop. */
  adopt(value: Value): Value {
    const known = this.#inside.get(value)
    if (known) return known
    const inside = this.#stand(value)
    this.#inside.set(value, inside)
    return inside
  }

  #stand(value: Value): Value {
    if (value.items) return Value.sequence(value.items.map((item) => this.adopt(item)))
    if (value === Value.none || value === Value.unknown || value.isConstant) return value
    if (value.stored) return Value.narrow(this.adopt(value.stored), value.dtype)
    const param = relay.variable(`c${this.params.length}`, value.dims, value.dtype)
    this.values.push(value)
    this.params.push(param)
    const inside = Value.computed(param)
    return value.extents ? inside.withExtents(value.extents) : inside
  }
}

/** What a loop does with its state; what is not in there must be constant or adopted. */
export interface LoopRules {
  /** Whether there is another step: a scalar of type bool. */
  goesOn(state: readonly Value[], captured: Captured): Value
  /** The state after a step; ranks and types stay, extents may change. */
  step(state: readonly Value[], captured: Captured): readonly Value[]
}

/** Repeats a step while the state says so; yields the last state. Extents that steps change are open. */
export function machineLoop(initial: readonly Value[], rules: LoopRules): Value[] {
  const rows = initial.map(asRow)
  let dims = rows.map((value) => value.dims)
  for (;;) {
    const captured = new Captured()
    const params = rows.map(({ dtype }, i) => relay.variable(`s${i}`, dims[i] as number[], dtype))
    const state = params.map((param, i) => asBefore(Value.computed(param), initial[i] as Value))
    const next = rules.step(state, captured).map(asRow)
    const wider = dims.map((before, i) => commonDims(before, (next[i] as Value).dims))
    if (String(wider) !== String(dims)) {
      dims = wider
      continue
    }
    const goesOn = rules.goesOn(state, captured)
    const types = rows.map(({ dtype }, i) => relay.tensorType(dims[i] as number[], dtype))
    const loop = relay.recursion([...params, ...captured.params], types, (self) => {
      const again = relay.callOp(self, [...next.map(({ expr }) => expr), ...captured.params], null)
      return relay.ifThenElse(goesOn.expr, again, relay.tuple(params))
    })
    const results = loop([...rows, ...captured.values].map(({ expr }) => expr))
    return fieldsOf(results, initial)
  }
}

/**
 * Scalars go into tuples as rows of one: what uses an element of a tuple may be fused with taking it, and then asks for the extents of all
 * elements, which the library's virtual machine gets wrong for scalars (see `avoidScalars`).
 */
function asRow(value: Value): Value {
  return value.rank === 0 ? reshape(value, [1]) : value
}
function asBefore(row: Value, { rank }: Value): Value {
  return rank === 0 ? reshape(row, []) : row
}

/** Extents that both have; open where they differ. */
function commonDims(a: readonly number[], b: readonly number[]): readonly number[] {
  if (a.length !== b.length) throw new OpenShape('the number of its dimensions changes from step to step')
  return a.map((dim, axis) => (dim === b[axis] ? dim : UNKNOWN_DIM))
}

/** The elements of a tuple of rows, as the values that they stand for. */
function fieldsOf(expr: relay.Expr, like: readonly Value[]): Value[] {
  // Known from here on, so that the fields need not look into it.
  relay.typeOf(expr)
  return like.map((value, i) => asBefore(Value.computed(relay.tupleGetItem(expr, i)), value))
}

/** The values of one branch or the other, of which only one is computed. Their types may differ in extents. */
export function machineBranch(condition: Value, yes: readonly Value[], no: readonly Value[]): Value[] {
  const dims = yes.map((value, i) => commonDims(asRow(value).dims, asRow(no[i] as Value).dims))
  const branch = (values: readonly Value[]) =>
    relay.tuple(values.map((value, i) => forgetExtents(asRow(value), dims[i] as number[])))
  return fieldsOf(relay.ifThenElse(reshape(condition, []).expr, branch(yes), branch(no)), yes)
}

/** A value with less known of its extents: a function that takes any. */
function forgetExtents(value: Value, dims: readonly number[]): relay.Expr {
  if (String(value.dims) === String(dims)) return value.expr
  const any = relay.variable('any', dims, value.dtype)
  return relay.callOp(relay.func([any], any), [value.expr], null)
}

/** What steps yield, one behind the other, until a loop is done. */
export const nothingYet = (dtype: Value['dtype']): Value => numbers([], dtype)

export function withAnother(collected: Value, value: Value): Value {
  return concatenate([collected, reshapeTo(value, [productOf(extentsOf(value))])], 0)
}

/** All that was collected along a new first axis. */
export function stacked(collected: Value, count: Extent, extents: readonly Extent[]): Value {
  return reshapeTo(collected, [count, ...extents])
}

/** Extents of a value as part of a loop's state. */
export const extentsRow = (value: Value): Value => rowOf(extentsOf(value))

/** The elements of a row of extents, or those that are known. */
export function extentsFrom(row: Value, dims: readonly number[]): readonly Extent[] {
  return dims.map((dim, axis) => (dim === UNKNOWN_DIM ? sliceExtents(row, axis) : dim))
}

/** Element [...] of an axis at a place that is computed: int64 [1]. */
export function elementAt(x: Value, axis: number, place: Value): Value {
  return emit('squeeze', [emit('take', [x, place], { axis, mode: 'clip' })], { axis: [axis] })
}
