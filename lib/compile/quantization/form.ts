import { foldConstant } from '../../ir/fold-constant.js'
import { ranges } from '../../ir/quantised-numbers.js'
import { Constant, call, constant, dtypeOf, type Expr, shapeOf } from '../../ir/relay.js'
import {
  add,
  cast,
  clip,
  dequantize,
  multiply,
  quantize,
  settle,
  shifted,
  toSigned,
  toUnsigned,
} from './arithmetic.js'
import { along, combine, equalParameters, known, onlyValue, type Parameter, parameter } from './parameter.js'

/** Real numbers given as integers: (integers - zero) * scale. */
export interface Quantized {
  readonly kind: 'quantized'
  readonly integers: Expr
  readonly scale: Parameter
  readonly zero: Parameter
  /** The axis that vectors of scales and zero points run along. */
  readonly axis: number
}

/** Limits of real numbers, from activations that followed. */
interface Limited {
  readonly low?: number
  readonly high?: number
}

/** Real numbers given as sums of products in int32: (products + offsets) * scale. */
export interface Sums extends Limited {
  readonly kind: 'sums'
  readonly products: Expr
  /** Known at compile time: one number, or one a channel. */
  readonly offsets?: readonly number[] | undefined
  readonly scale: Parameter
  readonly axis: number
}

/** The sum of two quantised tensors. */
export interface Addition extends Limited {
  readonly kind: 'addition'
  readonly terms: readonly [Quantized, Quantized]
}

/** How a real tensor was computed from integers. */
export type Form = Quantized | Sums | Addition

/** The sums as one tensor of int32. */
export function integerSums({ products, offsets, axis }: Sums): Expr {
  if (!offsets || offsets.every((offset) => offset === 0)) return products
  const { expr } = known(offsets, 'int32')
  return add(products, along(expr, axis, shapeOf(products).length))
}

/** What a tensor is quantised to. */
export interface Grid {
  readonly scale: Parameter
  readonly zero: Parameter
  readonly axis: number
  readonly dtype: string
}

/** The real numbers, in float32. */
export function realNumbers(form: Form): Expr {
  if (form.kind === 'quantized') return dequantize(form.integers, form.scale, form.zero, form.axis)
  if (form.kind === 'addition') return limit(add(...(form.terms.map(realNumbers) as [Expr, Expr])), form)
  const { scale, axis } = form
  const sums = integerSums(form)
  return limit(multiply(cast(sums, 'float32'), along(scale.expr, axis, shapeOf(sums).length)), form)
}

function limit(x: Expr, { low, high }: Limited): Expr {
  if (low === undefined && high === undefined) return x
  return clip(x, low ?? -MAX_FLOAT, high ?? MAX_FLOAT)
}
const MAX_FLOAT = 3.4028234663852886e38

/** Puts real numbers on a grid, by integers as far as the form allows; undefined where it has to go through floats. */
export function quantizeForm(form: Form, grid: Grid): Expr | undefined {
  const range = limitedRange(form.kind === 'quantized' ? {} : form, grid)
  if (!range) return undefined
  if (form.kind === 'sums') return requantize(form, grid, range)
  if (form.kind === 'addition') return requantizeAddition(form, grid, range)
  return sameGrid(form, grid) ? form.integers : undefined
}

export function sameGrid(form: Quantized, grid: Grid): boolean {
  const { scale, zero, dtype } = grid
  return (
    dtypeOf(form.integers) === dtype && equalParameters(form.scale, scale) && equalParameters(form.zero, zero)
  )
}

/** The integers of the grid between the limits. Rounding keeps the order of numbers, so limits may be rounded instead. */
function limitedRange({ low, high }: Limited, grid: Grid): readonly [number, number] | undefined {
  const [least, most] = ranges[grid.dtype] as readonly [number, number]
  if (low === undefined && high === undefined) return [least, most]
  const [scale, zero] = [onlyValue(grid.scale), onlyValue(grid.zero)]
  if (scale === undefined || zero === undefined) return undefined
  const place = (value: number) => roundHalfEven(Math.fround(value / scale)) + zero
  return [
    low === undefined ? least : Math.min(Math.max(least, place(low)), most),
    high === undefined ? most : Math.max(Math.min(most, place(high)), least),
  ]
}

export function roundHalfEven(value: number): number {
  const below = Math.floor(value)
  const rest = value - below
  if (rest !== 0.5) return Math.round(value)
  return below % 2 === 0 ? below : below + 1
}

/** One multiplication by the quotient of the scales, as ONNX Runtime's QLinearConv and QGemm do it. */
function requantize(form: Sums, grid: Grid, range: readonly [number, number]): Expr | undefined {
  if (!grid.scale.isScalar || !grid.zero.isScalar) return undefined
  const { scale, axis } = form
  const sums = integerSums(form)
  const factor =
    scale.values && grid.scale.values
      ? known(
          combine(scale.values, grid.scale.values, (own, wanted) => Math.fround(own / wanted)),
          'float32',
        )
      : parameter(call('divide', [scale.expr, grid.scale.expr]))
  const steps = multiply(cast(sums, 'float32'), along(factor.expr, axis, shapeOf(sums).length))
  return settle(steps, grid.zero, 0, range, grid.dtype)
}

/** As ONNX Runtime's QLinearAdd: zero points are gathered in one number, which is rounded with the sum. */
function requantizeAddition(
  { terms }: Addition,
  grid: Grid,
  range: readonly [number, number],
): Expr | undefined {
  const [scale, zero] = [onlyValue(grid.scale), onlyValue(grid.zero)]
  if (scale === undefined || zero === undefined) return undefined
  let offset = zero
  const parts: Expr[] = []
  for (const term of terms) {
    const [own, ownZero] = [onlyValue(term.scale), onlyValue(term.zero)]
    if (own === undefined || ownZero === undefined) return undefined
    const ratio = Math.fround(own / scale)
    offset = Math.fround(offset - Math.fround(ratio * ownZero))
    parts.push(multiply(cast(cast(term.integers, 'int32'), 'float32'), constant(ratio)))
  }
  const [left, right] = parts as [Expr, Expr]
  return settle(add(add(left, constant(offset)), right), known([0], 'int32'), 0, range, grid.dtype)
}

/** The same form over unsigned bytes. */
export function unsigned(form: Quantized): Quantized {
  if (dtypeOf(form.integers) !== 'int8') return form
  return {
    ...form,
    integers: settled(toUnsigned(form.integers), form.integers),
    zero: shifted(form.zero, 128),
  }
}

/** The same form over signed bytes. */
export function signed(form: Quantized): Quantized {
  if (dtypeOf(form.integers) !== 'uint8') return form
  return {
    ...form,
    integers: settled(toSigned(form.integers), form.integers),
    zero: shifted(form.zero, -128),
  }
}

/** Evaluates `expr` at once where `source`, what it was computed from, is a constant. */
export function settled(expr: Expr, source: Expr): Expr {
  return source instanceof Constant ? foldConstant(expr) : expr
}

/** The elements of a constant. */
export function elementsOf(expr: Expr): ArrayLike<number> | undefined {
  return expr instanceof Constant ? (expr.data.toTensor().data as ArrayLike<number>) : undefined
}

export function floatQuantize(x: Expr, { scale, zero, axis, dtype }: Grid): Expr {
  return quantize(x, scale, zero, axis, dtype)
}
