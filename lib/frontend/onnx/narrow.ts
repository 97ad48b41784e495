import { type Float8Format, float8Formats, float8Values, isFloat8, type NarrowType } from '../../narrow.js'
import { byteLength, type DType, elementCount } from '../../tensor.js'
import {
  abs,
  add,
  broadcastTo,
  cast,
  clip,
  emit,
  equal,
  greater,
  less,
  multiply,
  reshape,
  roundToInt,
  sliceAxis,
  stored,
  subtract,
  where,
} from './emit.js'
import { numbers, scalar, Value } from './value.js'

/** Operators that only move elements, whatever these are: they work on what holds them. */
const moving = new Set([
  'Concat',
  'Expand',
  'Flatten',
  'Gather',
  'GatherElements',
  'GatherND',
  'Identity',
  'Reshape',
  'Shape',
  'Size',
  'Slice',
  'Split',
  'Squeeze',
  'Tile',
  'Transpose',
  'Unsqueeze',
])
export const movesElements = (operator: string) => moving.has(operator)

/** Ranges of the 4-bit integers. */
export const nibbleRanges = { int4: [-8, 7], uint4: [0, 15] } as const

/** The numbers of a value: float32 for 8-bit floats, int8 or uint8 for 4-bit integers, any other as it is. */
export function widened(x: Value): Value {
  if (!x.stored) return x
  if (!isFloat8(x.dtype)) return x.stored
  const values = numbers(float8Values(x.dtype), 'float32')
  return emit('take', [values, cast(x.stored, 'int32')], { axis: 0, mode: 'fast' })
}

/**
 * Numbers as a narrow type: rounded to the nearest, ties to even; integers are limited to their range.
 *
 * @param saturate - Whether floats beyond the largest become that one, instead of an infinity or not a number.
 */
export function narrowed(x: Value, dtype: NarrowType, saturate = true): Value {
  if (isFloat8(dtype))
    return Value.narrow(float8Codes(cast(x, 'float32'), float8Formats[dtype], saturate), dtype)
  const [low, high] = nibbleRanges[dtype]
  const whole = /^b?float/.test(x.dtype) ? roundToInt(cast(x, 'float32')) : x
  const limited = /^u/.test(whole.dtype) ? clip(whole, undefined, high) : clip(whole, low, high)
  return Value.narrow(cast(limited, storedType(dtype)), dtype)
}

export function storedType(dtype: NarrowType): DType {
  return dtype === 'int4' ? 'int8' : 'uint8'
}

const bitwise = (op: string) => (a: Value, b: number | Value) =>
  emit(op, [a, typeof b === 'number' ? scalar(b, a.dtype) : b])
const and = bitwise('bitwise_and')
const or = bitwise('bitwise_or')
const shiftRight = bitwise('right_shift')

const SIGN = 0x7fffffff
const INFINITY = 0x7f800000

/** The codes of the nearest numbers, from the bits of float32 numbers. */
function float8Codes(x: Value, format: Float8Format, saturate: boolean): Value {
  const { mantissaBits, bias, largest, nan, infinity = nan, oneZero } = format
  const bits = emit('reinterpret', [x], { dtype: 'int32' })
  const magnitude = stored(and(bits, SIGN))
  const dropped = 23 - mantissaBits
  const even = and(shiftRight(magnitude, dropped), 1)
  const rounded = shiftRight(add(add(magnitude, 2 ** (dropped - 1) - 1), even), dropped)
  const normal = subtract(rounded, (127 - bias) << mantissaBits)
  const subnormal = roundToInt(multiply(abs(x), 2 ** (bias - 1 + mantissaBits)))
  const code = stored(where(less(magnitude, (128 - bias) << 23), subnormal, normal))
  const limited = stored(where(greater(code, largest), scalar(saturate ? largest : infinity, 'int32'), code))
  const signed = or(limited, and(shiftRight(bits, 24), 0x80))
  const withZero = oneZero ? where(equal(limited, 0), scalar(0, 'int32'), signed) : signed
  // An overflow to what is not a number has no sign where minus zero is its code.
  const settled =
    oneZero && !saturate ? where(greater(code, largest), scalar(nan, 'int32'), withZero) : withZero
  return cast(where(greater(magnitude, INFINITY), scalar(nan, 'int32'), settled), 'uint8')
}

/** How values of a narrow type come in: bytes, packed where they are 4-bit integers. */
export function packedShape(dtype: NarrowType, shape: readonly number[]): readonly number[] {
  return isFloat8(dtype) ? shape : [byteLength(dtype, shape)]
}

export function unpacked(bytes: Value, dtype: NarrowType, shape: readonly number[]): Value {
  if (isFloat8(dtype)) return Value.narrow(bytes, dtype)
  const [count = 0] = bytes.shape
  const pairs = broadcastTo(reshape(bytes, [count, 1]), [count, 2])
  const nibbles = and(emit('right_shift', [pairs, numbers([0, 4], 'uint8', [1, 2])]), 0xf)
  const flat = sliceAxis(reshape(nibbles, [2 * count]), 0, 0, elementCount(shape))
  const signed =
    dtype === 'int4' ? subtract(bitwise('bitwise_xor')(cast(flat, 'int8'), 8), scalar(8, 'int8')) : flat
  return Value.narrow(reshape(signed, shape), dtype)
}

/** How a value leaves the network: as it is, or its bytes. */
export function packed(x: Value): Value {
  if (!x.stored) return x
  if (isFloat8(x.dtype)) return x.stored
  const count = elementCount(x.shape)
  const nibbles = and(cast(reshape(x.stored, [count]), 'uint8'), 0xf)
  const even =
    count % 2 === 0 ? nibbles : emit('nn.pad', [nibbles, scalar(0, 'uint8')], { pad_width: [[0, 1]] })
  const pairs = reshape(even, [Math.ceil(count / 2), 2])
  const low = sliceAxis(pairs, 1, 0, 1)
  const high = emit('left_shift', [sliceAxis(pairs, 1, 1, 2), scalar(4, 'uint8')])
  return reshape(or(low, high), [Math.ceil(count / 2)])
}
