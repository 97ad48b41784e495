import {
  add,
  cast,
  clip,
  concatenate,
  emit,
  less,
  multiply,
  range,
  reshape,
  sliceAxis,
  subtract,
  transpose,
  where,
} from '../emit.js'
import { broadcastToExtents, type Extent, extentsOf, extentValue, reshapeTo, times } from '../extents.js'
import { type Captured, elementAt, machineLoop, nothingYet, stacked, withAnother } from '../machine-loop.js'
import type { OnnxNode } from '../node.js'
import { type Inputs, operator } from '../registry.js'
import { numbers, scalar, type Value } from '../value.js'
import { roundedToBytes } from './quantization.js'
import { readFunctions, type StepFunction } from './recurrent-activation.js'

/** Steps are written out one after the other, so that a graph grows with the length of its sequences; more need a machine. */
const MAX_STEPS = 512

/** One direction of a recurrent layer: [hidden] vectors are kept as [batch, hidden]. */
interface Direction {
  readonly hidden: number
  /** Recurrent weights [gates * hidden, hidden]. */
  readonly recurrent: Value
  /** Bias of the recurrent product [gates * hidden], where it is not part of the input's. */
  readonly recurrentBias: Value | undefined
  /** LSTM's weights [3 * hidden] from the cell to the gates i, o, f. */
  readonly peephole: Value | undefined
  readonly functions: readonly StepFunction[]
  /** Limits what goes into activations. */
  limit(x: Value): Value
  /** What is multiplied with the recurrent weights. */
  rounded(h: Value): Value
}

/** The state after a step: what the layer puts out and, for LSTM, the cell. */
interface State {
  readonly h: Value
  readonly c?: Value | undefined
}

interface Cell {
  readonly gates: number
  readonly activations: readonly string[]
  /** Whether the recurrent product has a bias apart from the input's. */
  separateBias?(node: OnnxNode): boolean
  /** Prepares the steps of a direction: what they share of its weights is made once. */
  steps(node: OnnxNode, direction: Direction): Step
}

/** One step; `x` is the input's product with its weights and biases, [batch, gates * hidden]. */
type Step = (x: Value, state: State) => State

const dense = (x: Value, weight: Value) =>
  emit('nn.dense', [x, weight], { units: weight.shape[0] as number, out_dtype: x.dtype })
/** Part `i` of the last axis in parts of `hidden`. */
const gate = (x: Value, i: number, hidden: number, count = 1) =>
  sliceAxis(x, x.rank - 1, i * hidden, (i + count) * hidden)
const complement = (x: Value) => subtract(scalar(1, x.dtype), x)

const cells: Readonly<Record<string, Cell>> = {
  RNN: {
    gates: 1,
    activations: ['Tanh'],
    steps(_node, { recurrent, functions: [f], limit }) {
      return (x, { h }) => ({ h: (f as StepFunction)(limit(add(x, dense(h, recurrent)))) })
    },
  },
  GRU: {
    gates: 3,
    activations: ['Sigmoid', 'Tanh'],
    separateBias: ({ attrs }) => attrs.flag('linear_before_reset'),
    steps({ attrs }, { recurrent, recurrentBias, hidden, functions, limit }) {
      const [f, g] = functions as [StepFunction, StepFunction]
      const product = (i: number, count: number) => {
        const weight = sliceAxis(recurrent, 0, i * hidden, (i + count) * hidden)
        const bias = recurrentBias && gate(recurrentBias, i, hidden, count)
        return (h: Value) => (bias ? add(dense(h, weight), bias) : dense(h, weight))
      }
      const resetFirst = !attrs.flag('linear_before_reset')
      // Where the reset comes last, all products of a state are one.
      const products = product(0, resetFirst ? 2 : 3)
      const last = product(2, 1)
      return (x, { h }) => {
        const sums = products(h)
        const both = f(limit(add(gate(x, 0, hidden, 2), gate(sums, 0, hidden, 2))))
        const [update, reset] = [gate(both, 0, hidden), gate(both, 1, hidden)]
        const past = resetFirst ? last(multiply(reset, h)) : multiply(reset, gate(sums, 2, hidden))
        const candidate = g(limit(add(gate(x, 2, hidden), past)))
        return { h: add(multiply(complement(update), candidate), multiply(update, h)) }
      }
    },
  },
  LSTM: {
    gates: 4,
    activations: ['Sigmoid', 'Tanh', 'Tanh'],
    steps({ attrs }, { recurrent, peephole, hidden, functions, limit, rounded }) {
      const [f, g, last] = functions as [StepFunction, StepFunction, StepFunction]
      const peepholes = peephole && range(3).map((p) => gate(peephole, p, hidden))
      return (x, { h, c }) => {
        const sums = add(x, dense(rounded(h), recurrent))
        const cell = c as Value
        const peeped = (i: number, from: Value, p: number) => {
          const sum = gate(sums, i, hidden)
          return limit(peepholes ? add(sum, multiply(from, peepholes[p] as Value)) : sum)
        }
        const input = f(peeped(0, cell, 0))
        const forget = attrs.flag('input_forget') ? complement(input) : f(peeped(2, cell, 2))
        const candidate = g(limit(gate(sums, 3, hidden)))
        const next = add(multiply(forget, cell), multiply(input, candidate))
        return { h: multiply(f(peeped(1, next, 1)), last(next)), c: next }
      }
    },
  },
}

/** What the steps of one direction work on. */
interface Run {
  readonly cell: Cell
  readonly direction: Direction
  /** The input's products, [steps, batch, gates * hidden]. */
  readonly sums: Value
  readonly initial: State
  readonly zeros: Value
  /** How many steps each sequence of the batch has; undefined where all have all. */
  readonly lengths: Value | undefined
  readonly backward: boolean
}

interface Outcome {
  /** [steps, batch, hidden]. */
  readonly outputs: Value
  readonly state: State
}

/** One step; past its end a sequence keeps its state and puts out zeros. `t` is a place, int64 [1]. */
function advance(step: Step, run: Run, x: Value, t: Value, before: State): { h: Value; state: State } {
  const { zeros, lengths } = run
  const next = step(x, before)
  const within = lengths && emit('expand_dims', [less(cast(t, lengths.dtype), lengths)], { axis: 1 })
  const keep = (now: Value, otherwise: Value) => (within ? where(within, now, otherwise) : now)
  const state = { h: keep(next.h, before.h), c: next.c && keep(next.c, before.c as Value) }
  return { h: keep(next.h, zeros), state }
}

/** Writes out the steps. */
function unrolled(node: OnnxNode, run: Run, steps: number): Outcome {
  let state = run.initial
  const step = run.cell.steps(node, run.direction)
  const outputs = new Array<Value>(steps)
  for (const t of run.backward ? range(steps).reverse() : range(steps)) {
    const after = advance(step, run, withoutFirst(run.sums, t), numbers([t], 'int64'), state)
    outputs[t] = after.h
    state = after.state
  }
  const along = (h: Value) => reshapeTo(h, [1, ...extentsOf(h)])
  return { outputs: concatenate(outputs.map(along), 0), state }
}

/** Leaves the number of steps to a run. */
function looped(node: OnnxNode, run: Run, steps: Extent): Outcome {
  const { initial, direction, backward } = run
  const start = [
    numbers([0], 'int64'),
    nothingYet(initial.h.dtype),
    initial.h,
    ...(initial.c ? [initial.c] : []),
  ]
  const length = extentValue(steps)
  const inside = (captured: Captured): Run => {
    const adopt = (value: Value) => captured.adopt(value)
    const { recurrent, recurrentBias, peephole } = direction
    return {
      ...run,
      sums: adopt(run.sums),
      zeros: adopt(run.zeros),
      lengths: run.lengths && adopt(run.lengths),
      direction: {
        ...direction,
        recurrent: adopt(recurrent),
        recurrentBias: recurrentBias && adopt(recurrentBias),
        peephole: peephole && adopt(peephole),
      },
    }
  }
  const [, all, h, c] = machineLoop(start, {
    goesOn: ([count], captured) => reshape(less(count as Value, captured.adopt(length)), []),
    step([count, sofar, h, c], captured) {
      const own = inside(captured)
      const t = backward ? subtract(subtract(captured.adopt(length), 1), count as Value) : (count as Value)
      const step = own.cell.steps(node, own.direction)
      const after = advance(step, own, elementAt(own.sums, 0, t), t, { h: h as Value, c })
      return [
        add(count as Value, 1),
        withAnother(sofar as Value, after.h),
        after.state.h,
        ...(after.state.c ? [after.state.c] : []),
      ]
    },
  }) as [Value, Value, Value, Value?]
  const outputs = stacked(all, steps, extentsOf(initial.h))
  return {
    outputs: backward ? emit('reverse', [outputs], { axis: 0 }) : outputs,
    state: { h, c },
  }
}

/** Element `i` of the first axis, without that axis. */
const withoutFirst = (value: Value, i: number) =>
  reshapeTo(sliceAxis(value, 0, i, i + 1), extentsOf(value).slice(1))

/** The layer over all of its directions (ONNX 1.16, operators RNN, GRU and LSTM). */
function convert(node: OnnxNode, cell: Cell, inputs: Inputs<3>, rounded = (x: Value) => x): Value[] {
  const { attrs } = node
  const [given, w, r, bias, lengths, initialH, initialC, peepholes] = inputs
  const batchFirst = attrs.flag('layout')
  const turned = (value: Value) => (batchFirst ? transpose(value, [1, 0, 2]) : value)
  if (given.rank !== 3) node.invalid(`its input has ${given.rank} dimensions, it needs 3`)
  const x = turned(given)
  const [steps, batch] = extentsOf(x) as [Extent, Extent]
  const width = x.dims[2] as number
  const hidden = attrs.int('hidden_size', r.shape[2] as number)
  const directionNames = directions[attrs.string('direction', 'forward')]
  if (!directionNames) return node.invalid(`direction is '${attrs.string('direction')}'`)
  const count = directionNames.length
  const rows = cell.gates * hidden
  const isFit = String(w.shape) === String([count, rows, w.shape[2]]) && [w.shape[2], -1].includes(width)
  if (!isFit || String(r.shape) !== String([count, rows, hidden]))
    node.invalid(`shapes [${given.dims}], [${w.shape}] and [${r.shape}] do not fit ${count} direction(s)`)
  const isLong = typeof steps !== 'number' || steps > MAX_STEPS
  if (isLong && !node.open && typeof steps === 'number')
    node.unsupported(`sequences of ${steps} steps; at most ${MAX_STEPS} are supported`)
  const functions = readFunctions(
    node,
    directionNames.flatMap(() => cell.activations),
  )
  const zeros = broadcastToExtents(scalar(0, x.dtype), [batch, hidden])
  const threshold = attrs.has('clip') ? attrs.float('clip') : undefined
  const separate = cell.separateBias?.(node) ?? false

  const results = directionNames.map((backward, d): Outcome => {
    const initial = (value: Value | undefined) => (value ? withoutFirst(turned(value), d) : zeros)
    const both = bias && withoutFirst(bias, d)
    const [inputBias, recurrentBias] = both ? [gate(both, 0, rows), gate(both, 1, rows)] : []
    const folded = inputBias && recurrentBias && !separate ? add(inputBias, recurrentBias) : inputBias
    const flat = reshapeTo(x, [times(steps, batch), w.shape[2] as number])
    const products = dense(rounded(flat), withoutFirst(w, d))
    const run: Run = {
      cell,
      direction: {
        hidden,
        recurrent: withoutFirst(r, d),
        recurrentBias: separate ? recurrentBias : undefined,
        peephole: peepholes && withoutFirst(peepholes, d),
        functions: functions.slice(d * cell.activations.length),
        rounded,
        limit: (value) => (threshold === undefined ? value : clip(value, -threshold, threshold)),
      },
      sums: reshapeTo(folded ? add(products, folded) : products, [steps, batch, rows]),
      initial: { h: initial(initialH), c: cell.gates === 4 ? initial(initialC) : undefined },
      zeros,
      lengths,
      backward,
    }
    return isLong ? looped(node, run, steps) : unrolled(node, run, steps)
  })

  const joined = (values: readonly Value[], axis: number) =>
    concatenate(
      values.map((value) => reshapeTo(value, extentsOf(value).toSpliced(axis, 0, 1))),
      axis,
    )
  const states = (pick: (state: State) => Value | undefined) =>
    joined(
      results.map(({ state }) => pick(state) as Value),
      batchFirst ? 1 : 0,
    )
  const all = joined(
    results.map(({ outputs }) => outputs),
    1,
  )
  const y = batchFirst ? transpose(all, [2, 0, 1, 3]) : all
  return [y, states(({ h }) => h), ...(results[0]?.state.c ? [states(({ c }) => c)] : [])]
}

/** Whether each direction goes backward. */
const directions: Readonly<Record<string, readonly boolean[]>> = {
  forward: [false],
  reverse: [true],
  bidirectional: [false, true],
}

for (const [name, cell] of Object.entries(cells)) {
  operator(name, { since: 1, required: 3, convert: (node, inputs) => convert(node, cell, inputs) })
}

/** LSTM of ONNX Runtime's quantiser: weights are bytes, and what they are multiplied with is rounded to bytes before. */
operator('com.microsoft.DynamicQuantizeLSTM', {
  since: 1,
  required: 3,
  convert(node, [x, w, r, bias, lengths, h, c, peepholes, wScale, wZero, rScale, rZero]) {
    if (!wScale || !rScale) return node.invalid('it needs scales of both weights')
    const real = (weight: Value, scale: Value, zero: Value | undefined) => {
      // [direction, inner, rows], with a number a direction, or one a row of each.
      const along = (value: Value) => reshape(value, [value.shape[0] as number, 1, value.shape[1] ?? 1])
      const whole = cast(weight, 'float32')
      const centred = zero ? subtract(whole, along(cast(zero, 'float32'))) : whole
      return transpose(multiply(centred, along(scale)), [0, 2, 1])
    }
    const weights = [real(w, wScale, wZero), real(r, rScale, rZero)] as const
    const inputs = [x, ...weights, bias, lengths, h, c, peepholes] as const
    return convert(node, cells.LSTM as Cell, inputs, roundedToBytes)
  },
})
