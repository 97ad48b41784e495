import type { ImportContext } from '../context.js'
import { concatenate, range, reshape, sliceAxis, where } from '../emit.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import { scalar, Value } from '../value.js'

/** Steps of loops are written out one after the other, so that a graph grows with their number. */
const MAX_STEPS = 1024

operator('If', {
  since: 1,
  required: 1,
  convert(node, [condition], context) {
    const known = condition.numbers?.[0]
    const branch = (taken: boolean) =>
      context.importSubgraph(node.attrs.graph(taken ? 'then_branch' : 'else_branch'), [])
    if (known !== undefined) return branch(known !== 0)
    // Graphs have no side effects: both branches are computed and one is chosen.
    const [yes, no] = [branch(true), branch(false)]
    const chosen = reshape(condition, [])
    return yes.map((value, i) => chooseBetween(node, chosen, value, no[i] ?? Value.none))
  },
})

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
