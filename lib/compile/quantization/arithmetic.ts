import { ALIGN, ALIGN_BITS, MAX_STEPS, ranges } from '../../ir/quantised-numbers.js'
import { call, constant, dtypeOf, type Expr, shapeOf } from '../../ir/relay.js'
import { float } from '../../runtime/index.js'
import { along, known, onlyValue, type Parameter, parameter } from './parameter.js'

export const add = (a: Expr, b: Expr) => call('add', [a, b])
export const subtract = (a: Expr, b: Expr) => call('subtract', [a, b])
export const multiply = (a: Expr, b: Expr) => call('multiply', [a, b])

export function cast(x: Expr, dtype: string): Expr {
  return dtypeOf(x) === dtype ? x : call('cast', [x], { dtype })
}
export function clip(x: Expr, low: number, high: number): Expr {
  return call('clip', [x], { a_min: float(low), a_max: float(high) })
}

/**
 * Rounds float32 of at most 2**21 to int32, ties to even, and adds `offset`. Reading the bits keeps the compiler from
 * cancelling the sum, needs no instruction that older CPUs lack, and uses each operand once: where operators are fused, an
 * operand used twice is computed twice.
 */
function roundSteps(steps: Expr, offset = 0): Expr {
  const bits = call('reinterpret', [add(steps, constant(ALIGN))], { dtype: 'int32' })
  return subtract(bits, constant(ALIGN_BITS - offset, 'int32'))
}

/** Limits steps to what `dtype` can hold, rounds them and moves them to the zero point: the order of ONNX Runtime's MLAS. */
export function settle(
  steps: Expr,
  zero: Parameter,
  axis: number,
  range: readonly [number, number],
  dtype: string,
): Expr {
  const [low, high] = range
  const offset = onlyValue(zero)
  if (offset !== undefined) return cast(roundSteps(clip(steps, low - offset, high - offset), offset), dtype)
  const placed = add(
    roundSteps(clip(steps, -MAX_STEPS, MAX_STEPS)),
    along(cast(zero.expr, 'int32'), axis, shapeOf(steps).length),
  )
  return cast(clip(placed, low, high), dtype)
}

/** ONNX's QuantizeLinear to an integer type of `ranges`, in float32 arithmetic. */
export function quantize(x: Expr, scale: Parameter, zero: Parameter, axis: number, dtype: string): Expr {
  // A scalar would become part of the code, and division by it a multiplication, which rounds differently.
  const divisor = scale.isScalar
    ? call('reshape', [scale.expr], { newshape: [1] })
    : along(scale.expr, axis, shapeOf(x).length)
  const steps = call('divide', [x, divisor])
  return settle(steps, zero, axis, ranges[dtype] as readonly [number, number], dtype)
}

/** ONNX's DequantizeLinear to float32. */
export function dequantize(x: Expr, scale: Parameter, zero: Parameter, axis: number): Expr {
  const rank = shapeOf(x).length
  const whole = cast(x, 'int32')
  const centred = onlyValue(zero) === 0 ? whole : subtract(whole, along(cast(zero.expr, 'int32'), axis, rank))
  return multiply(cast(centred, 'float32'), along(scale.expr, axis, rank))
}

/** The same numbers as unsigned bytes, 128 higher. */
export function toUnsigned(x: Expr): Expr {
  return cast(add(cast(x, 'int16'), constant(128, 'int16')), 'uint8')
}
/** The same numbers as signed bytes, 128 lower. */
export function toSigned(x: Expr): Expr {
  return cast(subtract(cast(x, 'int16'), constant(128, 'int16')), 'int8')
}
/** A zero point moved by `offset`. */
export function shifted(zero: Parameter, offset: number): Parameter {
  if (zero.values)
    return known(
      zero.values.map((value) => value + offset),
      'int32',
    )
  return parameter(add(cast(zero.expr, 'int32'), constant(offset, 'int32')))
}
