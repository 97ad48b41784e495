import type { Tensor } from '../../../tensor.js'
import { abs, add, cast, emit, exp, log, multiply, range, reduce, sqrt, subtract } from '../emit.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import { filled, isFloat, scalar, type Value } from '../value.js'

type Reduction = (x: Value, axes: readonly number[], keep: boolean) => Value

const sum: Reduction = (x, axes, keep) => reduce('sum', x, axes, keep)

/** The maximum or minimum; booleans count as 0 and 1. Of no floats it is the infinity that all others beat. */
const extreme =
  (op: 'max' | 'min'): Reduction =>
  (x, axes, keep) => {
    if (x.dtype === 'bool') return cast(reduce(op, cast(x, 'uint8'), axes, keep), 'bool')
    const none = isFloat(x) && axes.some((axis) => x.dims[axis] === 0)
    if (!none) return reduce(op, x, axes, keep)
    const worst = op === 'max' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
    return filled(scalar(worst, x.dtype).tensor as Tensor, reducedShape(x, axes, keep))
  }

const mean: Reduction = (x, axes, keep) =>
  isFloat(x) ? reduce('mean', x, axes, keep) : emit('divide', [sum(x, axes, keep), countOf(x, axes)])

function countOf(x: Value, axes: readonly number[]): Value {
  const ones = emit('ones', [], { shape: axes.map((axis) => x.shape[axis] as number), dtype: x.dtype })
  return reduce('sum', ones, range(axes.length))
}

const logSumExp: Reduction = (x, axes, keep) => {
  const top = reduce('max', x, axes, true)
  const total = add(log(sum(exp(subtract(x, top)), axes, true)), top)
  return keep ? total : emit('squeeze', [total], { axis: [...axes] })
}

const reductions: Readonly<Record<string, Reduction>> = {
  Sum: sum,
  Mean: mean,
  Max: extreme('max'),
  Min: extreme('min'),
  Prod: (x, axes, keep) => reduce('prod', x, axes, keep),
  L1: (x, axes, keep) => sum(abs(x), axes, keep),
  L2: (x, axes, keep) => {
    const squares = sum(multiply(x, x), axes, keep)
    return isFloat(x) ? sqrt(squares) : cast(sqrt(cast(squares, 'float64')), x.dtype)
  },
  SumSquare: (x, axes, keep) => sum(multiply(x, x), axes, keep),
  LogSum: (x, axes, keep) => log(sum(x, axes, keep)),
  LogSumExp: logSumExp,
}

function reducedShape(x: Value, axes: readonly number[], keep: boolean): number[] {
  return x.dims.flatMap((extent, axis) => (axes.includes(axis) ? (keep ? [1] : []) : [extent]))
}

/** From this opset on the axes are an input. */
const AXES_INPUT = { Sum: 13 } as Readonly<Record<string, number>>

for (const [name, compute] of Object.entries(reductions)) {
  const apply = (node: OnnxNode, x: Value, given: readonly number[] | undefined) => {
    if (!given?.length && node.attrs.flag('noop_with_empty_axes')) return x
    const axes = given?.length ? given.map((axis) => node.axis(axis, x.rank)) : range(x.rank)
    if (axes.length === 0) return pointwise(name, x)
    const keep = node.attrs.flag('keepdims', true)
    const shape = reducedShape(x, axes, keep)
    // The library cannot divide work over no elements.
    return shape.includes(0) ? emit('zeros', [], { shape, dtype: x.dtype }) : compute(x, axes, keep)
  }
  operator(`Reduce${name}`, {
    since: 1,
    required: 1,
    convert: (node, [x]) => apply(node, x, node.attrs.optionalInts('axes')),
  })
  operator(`Reduce${name}`, {
    since: AXES_INPUT[name] ?? 18,
    required: 1,
    convert: (node, [x, axes]) => apply(node, x, axes && node.numbers(axes, 'axes')),
  })
}

/** What a reduction of a scalar comes to. */
function pointwise(name: string, x: Value): Value {
  if (name === 'L1' || name === 'L2') return abs(x)
  if (name === 'SumSquare') return multiply(x, x)
  return name === 'LogSum' ? log(x) : x
}

for (const name of ['ArgMax', 'ArgMin']) {
  operator(name, {
    since: 1,
    required: 1,
    convert(node, [x]) {
      const { attrs } = node
      const picked = emit(name.toLowerCase(), [x], {
        axis: [node.axis(attrs.int('axis', 0), x.rank)],
        keepdims: attrs.flag('keepdims', true),
        exclude: false,
        select_last_index: attrs.flag('select_last_index'),
      })
      return cast(picked, 'int64')
    },
  })
}
