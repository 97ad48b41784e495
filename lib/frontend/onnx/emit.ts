import { foldConstant } from '../../ir/fold-constant.js'
import { ALIGN, ALIGN_BITS, MAX_STEPS } from '../../ir/quantised-numbers.js'
import * as relay from '../../ir/relay.js'
import { type DType, elementCount, tensorBytes, tensorFromBytes } from '../../tensor.js'
import { numbers, scalar, Value } from './value.js'

/** Attributes of a Relay operator; floats that may be integral must be marked with the runtime's `float`. */
export type EmitAttrs = relay.CallAttrs

/** Calls a Relay operator; a call on constants is evaluated at once. */
export function emit(op: string, args: readonly Value[], attrs?: EmitAttrs): Value {
  const call = relay.call(
    op,
    args.map(({ expr }) => expr),
    attrs,
  )
  return settle(call, args)
}

/** Calls an operator that takes a tuple. */
export function emitOnTuple(op: string, fields: readonly Value[], attrs?: EmitAttrs): Value {
  const call = relay.call(op, [relay.tuple(fields.map(({ expr }) => expr))], attrs)
  return settle(call, fields)
}

/** Calls an operator whose result is a tuple of `count` tensors. */
export function emitMany(op: string, args: readonly Value[], count: number, attrs?: EmitAttrs): Value[] {
  const call = relay.call(
    op,
    args.map(({ expr }) => expr),
    attrs,
  )
  return Array.from({ length: count }, (_, i) => settle(relay.tupleGetItem(call, i), args))
}

function settle(expr: relay.Expr, args: readonly Value[]): Value {
  if (!args.every(({ isConstant }) => isConstant)) return Value.computed(expr)
  const folded = foldConstant(expr)
  return folded instanceof relay.Constant ? Value.folded(folded) : Value.computed(folded)
}

/** A second operand: a value, or a number that becomes a scalar of the first operand's type. */
export type Operand = Value | number

function operand(like: Value, other: Operand): Value {
  return typeof other === 'number' ? scalar(other, like.dtype) : other
}

const binary = (op: string) => (a: Value, b: Operand) => emit(op, [a, operand(a, b)])
const unary = (op: string) => (x: Value) => emit(op, [x])

export const add = binary('add')
export const subtract = binary('subtract')
export const multiply = binary('multiply')
export const divide = binary('divide')
export const maximum = binary('maximum')
export const minimum = binary('minimum')
export const equal = binary('equal')
export const less = binary('less')
export const lessEqual = binary('less_equal')
export const greater = binary('greater')
export const greaterEqual = binary('greater_equal')
export const negative = unary('negative')
export const exp = unary('exp')
export const log = unary('log')
export const sqrt = unary('sqrt')
export const tanh = unary('tanh')
export const sigmoid = unary('sigmoid')
export const erf = unary('erf')
export const abs = unary('abs')
export const floor = unary('floor')
export const relu = unary('nn.relu')

/** Exponents up to this one are multiplied out, which is exact for negative bases and faster. */
const MAX_MULTIPLIED = 8

export function power(x: Value, exponent: Operand): Value {
  if (
    typeof exponent !== 'number' ||
    !Number.isInteger(exponent) ||
    exponent < 1 ||
    exponent > MAX_MULTIPLIED
  ) {
    return emit('power', [x, operand(x, exponent)])
  }
  if (exponent === 1) return x
  const half = power(x, Math.floor(exponent / 2))
  const square = multiply(half, half)
  return exponent % 2 === 1 ? multiply(square, x) : square
}

export function where(condition: Value, whenTrue: Value, whenFalse: Operand): Value {
  return emit('where', [condition, whenTrue, operand(whenTrue, whenFalse)])
}

/** Limits to [low, high]; a missing bound does not limit. */
export function clip(x: Value, low: number | undefined, high: number | undefined): Value {
  const raised = low === undefined ? x : maximum(x, low)
  return high === undefined ? raised : minimum(raised, high)
}

/**
 * Rounds float32 numbers to int32, ties to even, within the range that quantisation needs. Reading the bits keeps the compiler from
 * cancelling the sum, and each operand is used once: where operators are fused, an operand used twice is computed twice.
 */
export function roundToInt(x: Value): Value {
  const aligned = add(clip(x, -MAX_STEPS, MAX_STEPS), ALIGN)
  return subtract(emit('reinterpret', [aligned], { dtype: 'int32' }), ALIGN_BITS)
}

export function cast(x: Value, dtype: DType): Value {
  return x.dtype === dtype ? x : emit('cast', [x], { dtype })
}

/**
 * Keeps what is computed from `x` out of the kernel that computes `x`. Kernels repeat the computation of an element wherever it
 * is used, which grows with every step of a chain whose steps use the one before more than once.
 */
export function stored(x: Value): Value {
  return x.isConstant ? x : emit('annotation.stop_fusion', [x])
}

/** Changes the shape; constants share their memory. */
export function reshape(x: Value, shape: readonly number[]): Value {
  if (x.rank === shape.length && x.dims.every((dim, i) => dim === shape[i])) return x
  const shared = x.reshaped(shape)
  if (shared) return shared
  // Zeros are extents here, never "copy the input's extent".
  return emit('reshape', [x], { newshape: [...shape], allowzero: shape.includes(0) })
}

export function transpose(x: Value, axes: readonly number[]): Value {
  return axes.every((axis, i) => axis === i) ? x : emit('transpose', [x], { axes: [...axes] })
}

export function broadcastTo(x: Value, shape: readonly number[]): Value {
  if (x.rank === shape.length && x.dims.every((dim, i) => dim === shape[i])) return x
  return emit('broadcast_to', [x], { shape: [...shape] })
}

/** Adds axes of extent 1 until `rank`, in front unless `behind`. */
export function padRank(x: Value, rank: number, behind = false): Value {
  const ones = new Array<number>(Math.max(rank - x.rank, 0)).fill(1)
  if (x.isOpen)
    return ones.length === 0
      ? x
      : emit('expand_dims', [x], { axis: behind ? x.rank : 0, num_newaxis: ones.length })
  return reshape(x, behind ? [...x.shape, ...ones] : [...ones, ...x.shape])
}

export function concatenate(values: readonly Value[], axis: number): Value {
  return values.length === 1 ? (values[0] as Value) : emitOnTuple('concatenate', values, { axis })
}

/** The part [begin, end) of one axis, with a positive step. */
export function sliceAxis(x: Value, axis: number, begin: number, end: number, step = 1): Value {
  if (begin === 0 && end === x.dims[axis] && step === 1) return x
  return emit('strided_slice', [x], {
    begin: [begin],
    end: [end],
    strides: [step],
    axes: [axis],
    slice_mode: 'end',
  })
}

/** The elements of `axis` at constant places, each within range. */
export function takeAxis(x: Value, places: readonly number[], axis: number): Value {
  return emit('take', [x, numbers(places, 'int64')], { axis, mode: 'fast' })
}

/** Reductions: `sum`, `max`, `min`, `mean`, `prod`. */
export function reduce(op: string, x: Value, axes: readonly number[], keepdims = false): Value {
  return emit(op, [x], { axis: [...axes], keepdims, exclude: false })
}

/** Swaps the type of the bits without changing them. */
export function reinterpretConstant(x: Value, dtype: DType): Value | undefined {
  const bytes = x.tensor && tensorBytes(x.tensor)
  return bytes && Value.constant(tensorFromBytes(dtype, x.shape, bytes))
}

/** The shape that NumPy's rules broadcast these to; undefined when they do not fit. */
export function broadcastShape(...shapes: readonly (readonly number[])[]): number[] | undefined {
  const rank = Math.max(0, ...shapes.map(({ length }) => length))
  const result = new Array<number>(rank).fill(1)
  for (const shape of shapes) {
    for (const [i, dim] of shape.entries()) {
      const at = rank - shape.length + i
      if (result[at] === 1) result[at] = dim
      else if (dim !== 1 && dim !== result[at]) return undefined
    }
  }
  return result
}

/** No model needs more constants than this that are written out one by one; a hostile one does. */
const MOST_PLACES = 2 ** 25

/** The integers from `start` to before `end`. @throws `RangeError` for too many of them */
export function range(end: number, start = 0): number[] {
  if (end - start > MOST_PLACES) throw new RangeError(`${end - start} places along an axis`)
  return Array.from({ length: Math.max(end - start, 0) }, (_, i) => start + i)
}

export function product(extents: readonly number[]): number {
  return elementCount(extents)
}
