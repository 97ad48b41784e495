import type { ImportContext } from '../context.js'
import {
  add,
  concatenate,
  emit,
  less,
  range,
  reshape,
  sliceAxis,
  subtract,
  transpose,
  where,
} from '../emit.js'
import { type Extent, extentOf, extentValue } from '../extents.js'
import {
  Captured,
  elementAt,
  extentsFrom,
  extentsRow,
  machineBranch,
  machineLoop,
  nothingYet,
  stacked,
  withAnother,
} from '../machine-loop.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import type { GraphProto } from '../schema.js'
import { numbers, scalar, Value } from '../value.js'

/** Steps of loops are written out one after the other, so that a graph grows with their number; more need a machine. */
const MAX_STEPS = 1024

operator('If', {
  since: 1,
  required: 1,
  convert(node, [condition], context) {
    const known = condition.numbers?.[0]
    const branch = (taken: boolean) =>
      context.importSubgraph(node.attrs.graph(taken ? 'then_branch' : 'else_branch'), [])
    if (known !== undefined) return branch(known !== 0)
    const [yes, no] = [branch(true), branch(false)]
    if (node.open && !yes.every((value, i) => sameType(value, no[i])))
      return branchInRun(node, condition, yes, no)
    // Graphs have no side effects: both branches are computed and one is chosen.
    const chosen = reshape(condition, [])
    return yes.map((value, i) => chooseBetween(node, chosen, value, no[i] ?? Value.none))
  },
})

/** Whether either value can be chosen element by element. */
function sameType(value: Value, other: Value | undefined): boolean {
  if (value.items)
    return (
      other?.items?.length === value.items.length &&
      value.items.every((each, i) => sameType(each, other.items?.[i]))
    )
  if (!value.isTensor || !other?.isTensor) return value === other
  return value.dtype === other.dtype && !value.isOpen && String(value.dims) === String(other.dims)
}

/** Leaves the choice between branches of different extents to a run. */
function branchInRun(node: OnnxNode, condition: Value, yes: readonly Value[], no: readonly Value[]): Value[] {
  for (const [i, value] of yes.entries()) {
    const other = no[i]
    const plain = [value, other].every((each) => each?.isTensor && !each.stored)
    if (!plain || value.dtype !== other?.dtype || value.rank !== other.rank)
      node.dynamic(`the types of its output ${i} differ by more than extents`, [condition])
  }
  return machineBranch(condition, yes, no)
}

/** One value or the other, element by element where they are sequences. */
function chooseBetween(node: OnnxNode, condition: Value, value: Value, other: Value): Value {
  const differ = () => node.dynamic('a type differs between what may come of it', [condition])
  if (value.items && other.items?.length === value.items.length) {
    const others = other.items
    return Value.sequence(
      value.items.map((each, i) => chooseBetween(node, condition, each, others[i] as Value)),
    )
  }
  if (!value.isTensor || !other.isTensor) return value === other ? value : differ()
  if (value.dtype !== other.dtype || String(value.shape) !== String(other.shape)) return differ()
  return where(condition, value, other)
}

/** Results of all steps, side by side along a new axis. */
function stack(node: OnnxNode, values: readonly Value[], axis = 0): Value {
  const [first] = values
  if (!first) return node.unsupported('a loop without steps whose results are collected')
  const at = node.axis(axis, first.rank + 1)
  const shape = [...first.shape.slice(0, at), 1, ...first.shape.slice(at)]
  return concatenate(
    values.map((value) => reshape(value, shape)),
    at,
  )
}

/** Element `i` of an axis, without the axis. */
function element(x: Value, axis: number, i: number): Value {
  return reshape(
    sliceAxis(x, axis, i, i + 1),
    x.shape.filter((_, each) => each !== axis),
  )
}

operator('Loop', {
  since: 1,
  required: 0,
  takesSequences: true,
  convert(node, [limit, condition, ...initial], context) {
    const body = node.attrs.graph('body')
    if (node.open && isLeftToRun(limit, condition, body, initial as Value[], context))
      return loopInRun(node, limit, condition, initial as Value[], body, context)
    const trips = limit ? node.number(limit, 'trip count') : Number.POSITIVE_INFINITY
    let state = initial as Value[]
    let going: Value = condition ?? scalar(1, 'bool')
    const collected = range(body.output.length - 1 - state.length).map(() => [] as Value[])
    for (let step = 0; step < trips; step++) {
      const active = going.numbers?.[0]
      if (active === 0) break
      if (active === undefined && (collected.length > 0 || trips === Number.POSITIVE_INFINITY))
        node.dynamic('its condition is computed while the model runs', [going])
      if (step >= MAX_STEPS) node.unsupported(`loops of more than ${MAX_STEPS} steps are not supported`)
      const [next, ...results] = context.importSubgraph(body, [scalar(step, 'int64'), going, ...state])
      const chosen = active === undefined ? reshape(going, []) : undefined
      state = state.map((before, i) => {
        const now = results[i] as Value
        // A loop that may have ended keeps its values.
        return chosen ? chooseBetween(node, chosen, now, before) : now
      })
      for (const [i, values] of collected.entries()) values.push(results[state.length + i] as Value)
      going = chosen ? where(chosen, next as Value, 0) : (next as Value)
    }
    return [...state, ...collected.map((values) => stack(node, values))]
  },
})

/** Whether only a run knows how many steps a loop has and they cannot be written out, each of them chosen or not. */
function isLeftToRun(
  limit: Value | undefined,
  condition: Value | undefined,
  body: GraphProto,
  initial: readonly Value[],
  context: ImportContext,
): boolean {
  const trips = limit ? limit.numbers?.[0] : Number.POSITIVE_INFINITY
  if (trips === undefined || (condition && !condition.isConstant)) return true
  if (trips === 0 || condition?.numbers?.[0] === 0) return false
  const going = condition ?? scalar(1, 'bool')
  const [next] = context.importSubgraph(body, [scalar(0, 'int64'), going, ...initial])
  const computed = next !== undefined && !next.isConstant
  const isLong = trips > MAX_STEPS
  return computed ? isLong || body.output.length - 1 > initial.length : isLong && Number.isFinite(trips)
}

/** What steps collect: [the elements of all so far, the extents of the last]. */
type Collected = readonly [all: Value, extents: Value]

/** A loop of which a run finds out how often it goes round. */
function loopInRun(
  node: OnnxNode,
  limit: Value | undefined,
  condition: Value | undefined,
  initial: readonly Value[],
  body: GraphProto,
  context: ImportContext,
): Value[] {
  const going = condition ? reshape(condition, []) : scalar(1, 'bool')
  const most = limit && reshape(limit, [1])
  return collecting(node, body, context, [going, ...initial], {
    decidedBy: [limit, condition],
    goesOn([count, active], captured) {
      if (!most) return active as Value
      const within = less(count as Value, captured.adopt(most))
      return emit('logical_and', [reshape(within, []), active as Value])
    },
    inputs: (count, state) => [reshape(count, []), ...state],
    settle: ([next, ...rest]) => [reshape(next as Value, []), ...rest],
  }).slice(1)
}

interface Steps {
  /** What decides on their number; where it were known, steps could be written out. */
  readonly decidedBy: readonly (Value | undefined)[]
  goesOn(state: readonly Value[], captured: Captured): Value
  /** What the body gets in step `count`, int64 [1]. */
  inputs(count: Value, state: readonly Value[], captured: Captured): readonly Value[]
  /** The body's results as they become the state. */
  settle(results: readonly Value[]): readonly Value[]
}

/**
 * Runs a body from step to step; of what it yields beyond its state, the values of all steps are put side by side along a new first
 * axis. Yields the state, then those.
 */
function collecting(
  node: OnnxNode,
  body: GraphProto,
  context: ImportContext,
  initial: readonly Value[],
  steps: Steps,
): Value[] {
  if (initial.some((value) => !value.isTensor || value.stored))
    node.dynamic(
      'it has sequences in its state, and the number of steps is found while the model runs',
      steps.decidedBy,
    )
  const size = initial.length
  const dimsOf: (readonly number[])[] = []
  const kinds = collectedTypes(body, context, initial, steps)
  const rows = kinds.map(({ rank }) => numbers(new Array<number>(rank).fill(0), 'int64'))
  const start = [numbers([0], 'int64'), ...initial, ...kinds.map(({ dtype }) => nothingYet(dtype)), ...rows]
  const last = machineLoop(start, {
    goesOn: (state, captured) => steps.goesOn(state.slice(0, 1 + size), captured),
    step([count, ...state], captured) {
      const inputs = steps.inputs(count as Value, state.slice(0, size), captured)
      const results = steps.settle(context.importSubgraph(body, inputs, captured))
      const values = results.slice(size)
      for (const [i, value] of values.entries()) dimsOf[i] = value.dims
      for (const [i, value] of results.slice(0, size).entries())
        if (value.dtype !== (state[i] as Value).dtype)
          node.invalid(`its state ${i} becomes ${value.dtype}, it was ${(state[i] as Value).dtype}`)
      return [
        add(count as Value, numbers([1], 'int64')),
        ...results.slice(0, size),
        ...values.map((value, i) => withAnother(state[size + i] as Value, value)),
        ...values.map(extentsRow),
      ]
    },
  })
  const [count, ...rest] = last as [Value, ...Value[]]
  const collected = kinds.map(
    (_, i): Collected => [rest[size + i] as Value, rest[size + kinds.length + i] as Value],
  )
  return [
    ...rest.slice(0, size),
    ...collected.map(([all, row], i) => stacked(all, count, extentsFrom(row, dimsOf[i] as number[]))),
  ]
}

/** Types of what a body yields beyond its state. */
function collectedTypes(
  body: GraphProto,
  context: ImportContext,
  initial: readonly Value[],
  steps: Steps,
): { readonly dtype: Value['dtype']; readonly rank: number }[] {
  const captured = new Captured()
  const inputs = steps.inputs(numbers([0], 'int64'), initial, captured)
  const results = steps.settle(context.importSubgraph(body, inputs, captured))
  return results.slice(initial.length).map(({ dtype, rank }) => ({ dtype, rank }))
}

interface ScanRules {
  readonly inputAxes: readonly number[]
  readonly outputAxes: readonly number[]
  readonly backward: readonly number[]
  readonly outputBackward: readonly number[]
}

/** Runs the body over the elements of the scanned inputs. */
function scan(
  node: OnnxNode,
  context: ImportContext,
  initial: readonly Value[],
  scanned: readonly Value[],
  rules: ScanRules,
): Value[] {
  const body = node.attrs.graph('body')
  const axes = scanned.map((x, i) => node.axis(rules.inputAxes[i] ?? 0, x.rank))
  const length = extentOf(scanned[0] as Value, axes[0] as number)
  if (node.open && (typeof length !== 'number' || length > MAX_STEPS))
    return scanInRun(node, context, initial, scanned, axes, rules, length)
  const lengths = scanned.map((x, i) => x.shape[axes[i] as number] as number)
  const [steps = 0] = lengths
  if (lengths.some((length) => length !== steps)) node.invalid(`its inputs have [${lengths}] elements`)
  if (steps > MAX_STEPS) node.unsupported(`${steps} steps; at most ${MAX_STEPS} are supported`)
  let state = [...initial]
  const collected = range(body.output.length - state.length).map(() => [] as Value[])
  for (const step of range(steps)) {
    const elements = scanned.map((x, i) =>
      element(x, axes[i] as number, rules.backward[i] ? steps - 1 - step : step),
    )
    const results = context.importSubgraph(body, [...state, ...elements])
    state = results.slice(0, state.length)
    for (const [i, values] of collected.entries()) values.push(results[state.length + i] as Value)
  }
  const stacked = collected.map((values, i) =>
    stack(node, rules.outputBackward[i] ? values.reverse() : values, rules.outputAxes[i]),
  )
  return [...state, ...stacked]
}

/** A scan over an axis whose extent only a run knows. */
function scanInRun(
  node: OnnxNode,
  context: ImportContext,
  initial: readonly Value[],
  scanned: readonly Value[],
  axes: readonly number[],
  rules: ScanRules,
  length: Extent,
): Value[] {
  const steps = extentValue(length)
  const results = collecting(node, node.attrs.graph('body'), context, initial, {
    decidedBy: scanned,
    goesOn: ([count], captured) => reshape(less(count as Value, captured.adopt(steps)), []),
    inputs: (count, state, captured) => [
      ...state,
      ...scanned.map((x, i) => {
        const last = subtract(captured.adopt(steps), 1)
        const place = rules.backward[i] ? subtract(last, count) : count
        return elementAt(captured.adopt(x), axes[i] as number, place)
      }),
    ],
    settle: (values) => values,
  })
  return results.map((value, i) => {
    const output = i - initial.length
    if (output < 0) return value
    const ordered = rules.outputBackward[output] ? emit('reverse', [value], { axis: 0 }) : value
    const axis = node.axis(rules.outputAxes[output] ?? 0, value.rank)
    return axis === 0 ? ordered : transpose(ordered, range(value.rank, 1).toSpliced(axis, 0, 0))
  })
}

operator('Scan', {
  since: 8,
  required: 0,
  convert(node, [lengths, ...values], context) {
    if (lengths) node.unsupported('sequences of different lengths are not supported')
    const count = node.attrs.int('num_scan_inputs')
    const inputs = values as Value[]
    const batch = inputs[0]?.shape[0] ?? node.invalid('it has no inputs')
    const rules = {
      inputAxes: [],
      outputAxes: [],
      backward: node.attrs.ints('directions', []),
      outputBackward: [],
    }
    const results = range(batch).map((b) => {
      const own = inputs.map((x) => element(x, 0, b))
      return scan(node, context, own.slice(0, -count), own.slice(-count), rules)
    })
    return (results[0] ?? []).map((_, i) =>
      stack(
        node,
        results.map((each) => each[i] as Value),
      ),
    )
  },
})

operator('Scan', {
  since: 9,
  required: 1,
  convert(node, values, context) {
    const { attrs } = node
    const count = attrs.int('num_scan_inputs')
    const inputs = values as readonly Value[]
    return scan(node, context, inputs.slice(0, -count), inputs.slice(-count), {
      inputAxes: attrs.ints('scan_input_axes', []),
      outputAxes: attrs.ints('scan_output_axes', []),
      backward: attrs.ints('scan_input_directions', []),
      outputBackward: attrs.ints('scan_output_directions', []),
    })
  },
})
