import { ranges } from '../../../ir/quantised-numbers.js'
import { isFloat8, isNarrow } from '../../../narrow.js'
import type { DType } from '../../../tensor.js'
import {
  add,
  broadcastTo,
  cast,
  clip,
  divide,
  emit,
  maximum,
  minimum,
  multiply,
  padRank,
  product,
  range,
  reduce,
  reshape,
  roundToInt,
  subtract,
  transpose,
} from '../emit.js'
import { narrowed, nibbleRanges, storedType, widened } from '../narrow.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import { elementType } from '../tensor-proto.js'
import { scalar, Value } from '../value.js'
import { addBias, convolve } from './convolution.js'
import { matmul } from './matmul.js'

/** Lays out one number a channel, or one a block, against a tensor of shape `shape`. */
function spread(node: OnnxNode, value: Value, shape: readonly number[], axis: number): Value {
  const block = node.attrs.int('block_size', 0)
  if (value.rank === 0) return value
  if (value.rank === 1 && block === 0)
    return value.shape[0] === 1 ? reshape(value, []) : padRank(value, shape.length - axis, true)
  if (block < 1) return node.invalid('block_size is missing')
  return emit('strided_slice', [emit('repeat', [value], { repeats: block, axis })], {
    begin: [0],
    end: [shape[axis] as number],
    strides: [1],
    axes: [axis],
    slice_mode: 'end',
  })
}

/** A scale or zero point against the tensor that it is for. */
function quantisationAlong(node: OnnxNode, x: Value, value: Value, scale: Value): Value {
  const axis = scale.rank === 0 ? 0 : node.axis(node.attrs.int('axis', 1), Math.max(x.rank, 2))
  return spread(node, value, x.shape, axis)
}

/** Scale and zero point as the library's quantisation takes them: one number, or one a channel. */
function gridArgs(node: OnnxNode, x: Value, scale: Value, zeroPoint: Value | undefined) {
  const plain = (value: Value) => (value.rank === 1 && value.shape[0] === 1 ? reshape(value, []) : value)
  const zero = zeroPoint ? cast(plain(zeroPoint), 'int32') : scalar(0, 'int32')
  const axis = scale.rank === 0 ? 0 : node.axis(node.attrs.int('axis', 1), Math.max(x.rank, 2))
  return { args: [plain(scale), zero], axis }
}

/** Whether the library has the operator: numbers in float32, and scales that are not given block by block. */
function isPlain(node: OnnxNode, x: Value, scale: Value, zeroPoint: Value | undefined): boolean {
  return (
    scale.dtype === 'float32' &&
    node.attrs.int('block_size', 0) === 0 &&
    x.rank > 0 &&
    [scale, zeroPoint].every((each) => !each || each.rank <= 1) &&
    (!zeroPoint || zeroPoint.rank === scale.rank)
  )
}

/** ONNX Runtime has the same operators in its own domain, for types that older operator sets lack. */
const domains = ['', 'com.microsoft.'] as const

for (const domain of domains) {
  operator(`${domain}QuantizeLinear`, {
    since: domain ? 1 : 10,
    required: 2,
    takesNarrow: true,
    convert(node, [x, scale, zero]) {
      const declared = node.attrs.int('output_dtype', 0)
      const dtype = zero?.dtype ?? (declared ? elementType(declared, node.label) : 'uint8')
      const zeroPoint = zero && widened(zero)
      const bounds = ranges[dtype] ?? nibbleRanges[dtype as keyof typeof nibbleRanges]
      if (isFloat8(dtype)) {
        const steps = divide(cast(x, 'float32'), quantisationAlong(node, x, cast(scale, 'float32'), scale))
        return narrowed(steps, dtype, node.attrs.flag('saturate', true))
      }
      if (!bounds) return node.unsupported(`quantisation to ${dtype} is not supported`)
      if (isPlain(node, x, scale, zeroPoint) && x.dtype === 'float32' && !isNarrow(dtype)) {
        const { args, axis } = gridArgs(node, x, scale, zeroPoint)
        return emit('qnn.quantize', [x, ...args], { axis, out_dtype: dtype })
      }
      const along = (value: Value) => quantisationAlong(node, x, value, scale)
      const exact = cast(x, 'float32')
      const steps = roundToInt(divide(exact, along(cast(scale, 'float32'))))
      const shifted = zeroPoint ? add(steps, along(cast(zeroPoint, 'int32'))) : steps
      const limited = clip(shifted, ...bounds)
      return isNarrow(dtype) ? Value.narrow(cast(limited, storedType(dtype)), dtype) : cast(limited, dtype)
    },
  })
}

for (const domain of domains) {
  operator(`${domain}DequantizeLinear`, {
    since: domain ? 1 : 10,
    required: 2,
    takesNarrow: true,
    convert(node, [quantized, scale, zero]) {
      const x = widened(quantized)
      if (isFloat8(quantized.dtype)) {
        return multiply(cast(x, scale.dtype), quantisationAlong(node, x, scale, scale))
      }
      const zeroPoint = zero && widened(zero)
      if (!ranges[x.dtype]) node.unsupported(`values of ${x.dtype} are not supported`)
      if (isPlain(node, x, scale, zeroPoint)) {
        const { args, axis } = gridArgs(node, x, scale, zeroPoint)
        return emit('qnn.dequantize', [x, ...args], { axis, out_dtype: 'float32' })
      }
      const along = (value: Value) => quantisationAlong(node, x, value, scale)
      const whole = cast(x, 'int32')
      const centred = zeroPoint ? subtract(whole, along(cast(zeroPoint, 'int32'))) : whole
      return multiply(cast(centred, scale.dtype), along(scale))
    },
  })
}

/** A tensor of bytes, with the scale and zero point that fit what is in it. */
function quantizedDynamically(x: Value): [bytes: Value, scale: Value, zeroPoint: Value] {
  const all = range(x.rank)
  const low = minimum(reduce('min', x, all), 0)
  const high = maximum(reduce('max', x, all), 0)
  const scale = divide(subtract(high, low), 255)
  const zero = cast(roundToInt(clip(divide(subtract(scalar(0, 'float32'), low), scale), 0, 255)), 'uint8')
  // Through the byte: the library would add up the constants of both roundings, and their sum is no 32-bit integer.
  const quantized = clip(add(roundToInt(divide(x, scale)), cast(zero, 'int32')), 0, 255)
  return [cast(quantized, 'uint8'), scale, zero]
}

/** The numbers that a tensor's bytes would stand for. */
export function roundedToBytes(x: Value): Value {
  const [bytes, scale, zero] = quantizedDynamically(x)
  return multiply(cast(subtract(cast(bytes, 'int32'), cast(zero, 'int32')), 'float32'), scale)
}

operator('DynamicQuantizeLinear', {
  since: 11,
  required: 1,
  convert: (_node, [x]) => quantizedDynamically(x),
})

/** A matrix's scale or zero point, one a row or one in all, against its product. */
function ofRows(value: Value): Value {
  return value.rank === 1 && value.shape[0] !== 1 ? padRank(value, 2, true) : value
}

/** The integers that `x` stands for, without its zero point. */
function centred(x: Value, zeroPoint: Value | undefined, axis: number): Value {
  const whole = cast(x, 'int32')
  if (!zeroPoint) return whole
  const zero = cast(zeroPoint, 'int32')
  return subtract(
    whole,
    zero.rank === 1 && zero.shape[0] !== 1 ? padRank(zero, x.rank - axis, true) : reshape(zero, []),
  )
}

const isBytes = ({ dtype }: Value) => dtype === 'int8' || dtype === 'uint8'
const isOne = (value: Value | undefined) => !value || value.rank === 0 || value.shape[0] === 1

/** Operands and zero points of the library's integer products, whose scales do not matter. */
function integerOperands(x: Value, w: Value, xZero: Value | undefined, wZero: Value | undefined): Value[] {
  const zero = (value: Value | undefined) =>
    value ? cast(isOne(value) ? reshape(value, []) : value, 'int32') : scalar(0, 'int32')
  const one = scalar(1, 'float32')
  return [x, w, zero(xZero), zero(wZero), one, one]
}

operator('ConvInteger', {
  since: 10,
  required: 2,
  convert(node, [x, w, xZero, wZero]) {
    if (x.rank !== 4 || !isBytes(x) || !isBytes(w) || !isOne(xZero)) {
      return convolve(node, centred(x, xZero, 1), centred(w, wZero, 0), 'int32')
    }
    return convolve(node, x, w, 'int32', (attrs) =>
      emit('qnn.conv2d', integerOperands(x, w, xZero, wZero), attrs),
    )
  },
})

/** The product of two tensors of integers without their zero points, in int32. */
function integerProduct(
  node: OnnxNode,
  a: Value,
  b: Value,
  aZero: Value | undefined,
  bZero: Value | undefined,
): Value {
  if (a.rank >= 2 && b.rank === 2 && isBytes(a) && isBytes(b) && isOne(aZero)) {
    const [inner, units] = b.shape as [number, number]
    if (a.shape.at(-1) !== inner) node.invalid(`shapes [${a.shape}] and [${b.shape}] have no matrix product`)
    const rows = reshape(a, [product(a.shape.slice(0, -1)), inner])
    const operands = integerOperands(rows, transpose(b, [1, 0]), aZero, bZero)
    const result = emit('qnn.dense', operands, { units, out_dtype: 'int32' })
    return reshape(result, [...a.shape.slice(0, -1), units])
  }
  return matmul(
    node,
    centred(a, aZero, isOne(aZero) ? a.rank - 1 : a.rank - 2),
    centred(b, bZero, b.rank - 1),
    'int32',
  )
}

operator('MatMulInteger', {
  since: 10,
  required: 2,
  convert: (node, [a, b, aZero, bZero]) => integerProduct(node, a, b, aZero, bZero),
})

/** Of ONNX Runtime: sums of integers times both scales. */
operator('com.microsoft.MatMulIntegerToFloat', {
  since: 1,
  required: 4,
  convert(node, [a, b, aScale, bScale, aZero, bZero, bias]) {
    const sums = cast(integerProduct(node, a, b, aZero, bZero), aScale.dtype)
    const real = multiply(sums, multiply(ofRows(aScale), bScale))
    return bias ? add(real, bias) : real
  },
})

operator('com.microsoft.DynamicQuantizeMatMul', {
  since: 1,
  required: 3,
  convert(node, [a, b, bScale, bZero, bias]) {
    const [bytes, scale, zero] = quantizedDynamically(a)
    const sums = cast(integerProduct(node, bytes, b, zero, bZero), 'float32')
    const real = multiply(sums, multiply(scale, bScale))
    return bias ? add(real, bias) : real
  },
})

/** The real numbers of a tensor with its scale and zero point; vectors run along `axis`. */
export function dequantized(x: Value, scale: Value, zeroPoint: Value | undefined, axis = 0): Value {
  const plain = (value: Value) => (isOne(value) ? reshape(value, []) : value)
  const wide = cast(plain(scale), 'float32')
  const zeros = zeroPoint ? cast(plain(zeroPoint), 'int32') : scalar(0, 'int32')
  // One of them may be given once for all channels.
  const [channels] = wide.rank > zeros.rank ? wide.shape : zeros.shape
  const zero = wide.rank > zeros.rank ? broadcastTo(zeros, [channels as number]) : zeros
  const each = zeros.rank > wide.rank ? broadcastTo(wide, [channels as number]) : wide
  if (x.rank === 0) return reshape(dequantized(reshape(x, [1]), scale, zeroPoint), [])
  return emit('qnn.dequantize', [x, each, zero], { axis, out_dtype: 'float32' })
}

/** Real numbers on the grid of an operator's output. */
export function requantized(
  x: Value,
  scale: Value,
  zeroPoint: Value | undefined,
  dtype: DType = 'uint8',
): Value {
  const zero = zeroPoint ? cast(reshape(zeroPoint, []), 'int32') : scalar(0, 'int32')
  const args = [cast(reshape(scale, []), 'float32'), zero]
  const attrs = { axis: 0, out_dtype: zeroPoint?.dtype ?? dtype }
  if (x.rank === 0) return reshape(emit('qnn.quantize', [reshape(x, [1]), ...args], attrs), [])
  return emit('qnn.quantize', [x, ...args], attrs)
}

operator('QLinearConv', {
  since: 10,
  required: 4,
  convert(node, [x, xScale, xZero, w, wScale, wZero, yScale, yZero, bias]) {
    if (!wScale || !wZero || !yScale || !yZero) return node.invalid('it needs eight inputs')
    const result = convolve(node, dequantized(x, xScale, xZero), dequantized(w, wScale, wZero), 'float32')
    const scale = multiply(cast(wScale, 'float32'), cast(reshape(xScale, []), 'float32'))
    const real = bias && dequantized(bias, scale, undefined)
    return requantized(addBias(result, real), yScale, yZero)
  },
})

operator('QLinearMatMul', {
  since: 10,
  required: 4,
  convert(node, [a, aScale, aZero, b, bScale, bZero, yScale, yZero]) {
    if (!bScale || !bZero || !yScale || !yZero) return node.invalid('it needs eight inputs')
    // A scale for each row is as good as one for each row of the product.
    const single = isOne(aScale) && isOne(aZero)
    const left = single
      ? dequantized(a, aScale, aZero)
      : multiply(cast(centred(a, aZero, a.rank - 2), 'float32'), cast(ofRows(aScale), 'float32'))
    return requantized(matmul(node, left, dequantized(b, bScale, bZero, b.rank - 1)), yScale, yZero)
  },
})
