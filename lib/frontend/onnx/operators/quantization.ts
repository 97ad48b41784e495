import {
  add,
  cast,
  clip,
  divide,
  emit,
  maximum,
  minimum,
  multiply,
  padRank,
  range,
  reduce,
  reshape,
  subtract,
} from '../emit.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import { elementType } from '../tensor-proto.js'
import { scalar, type Value } from '../value.js'
import { addBias, convolve } from './convolution.js'
import { matmul } from './matmul.js'

const limits: Readonly<Record<string, readonly [number, number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int32: [-(2 ** 31), 2 ** 31 - 1],
}

/** Beyond every quantised number, and small enough for `ALIGN`. */
const MAX_STEPS = 2 ** 20
/** Floats around this one have no bits left for a fraction: a sum with it is rounded, ties to even. */
const ALIGN = 1.5 * 2 ** 23
/** `ALIGN` as bits. The bits of `ALIGN` + n, an integer, are this plus n. */
const ALIGN_BITS = 0x4b400000

/**
 * Rounds quantisation steps in float32 to int32, ties to even. Reading the bits keeps the compiler from cancelling the sum,
 * and each operand is used once: where operators are fused, an operand used twice is computed twice.
 */
function roundSteps(steps: Value): Value {
  const aligned = add(clip(steps, -MAX_STEPS, MAX_STEPS), ALIGN)
  return subtract(emit('reinterpret', [aligned], { dtype: 'int32' }), ALIGN_BITS)
}

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

operator('QuantizeLinear', {
  since: 10,
  required: 2,
  convert(node, [x, scale, zeroPoint]) {
    const declared = node.attrs.int('output_dtype', 0)
    const dtype = zeroPoint?.dtype ?? (declared ? elementType(declared, node.label) : 'uint8')
    const bounds = limits[dtype]
    if (!bounds) return node.unsupported(`quantisation to ${dtype} is not supported`)
    const axis = scale.rank === 0 ? 0 : node.axis(node.attrs.int('axis', 1), Math.max(x.rank, 2))
    const along = (value: Value) => spread(node, value, x.shape, axis)
    const exact = cast(x, 'float32')
    const steps = roundSteps(divide(exact, along(cast(scale, 'float32'))))
    const shifted = zeroPoint ? add(steps, along(cast(zeroPoint, 'int32'))) : steps
    return cast(clip(shifted, ...bounds), dtype)
  },
})

operator('DequantizeLinear', {
  since: 10,
  required: 2,
  convert(node, [x, scale, zeroPoint]) {
    if (!limits[x.dtype]) node.unsupported(`values of ${x.dtype} are not supported`)
    const axis = scale.rank === 0 ? 0 : node.axis(node.attrs.int('axis', 1), Math.max(x.rank, 2))
    const along = (value: Value) => spread(node, value, x.shape, axis)
    const whole = cast(x, 'int32')
    const centred = zeroPoint ? subtract(whole, along(cast(zeroPoint, 'int32'))) : whole
    return multiply(cast(centred, scale.dtype), along(scale))
  },
})

operator('DynamicQuantizeLinear', {
  since: 11,
  required: 1,
  convert(_node, [x]) {
    const all = range(x.rank)
    const low = minimum(reduce('min', x, all), 0)
    const high = maximum(reduce('max', x, all), 0)
    const scale = divide(subtract(high, low), 255)
    const zero = roundSteps(clip(divide(subtract(scalar(0, 'float32'), low), scale), 0, 255))
    const quantized = clip(add(roundSteps(divide(x, scale)), zero), 0, 255)
    return [cast(quantized, 'uint8'), scale, cast(zero, 'uint8')]
  },
})

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

function requantize(sums: Value, factor: Value, scale: Value, zeroPoint: Value): Value {
  const bounds = limits[zeroPoint.dtype] as readonly [number, number]
  const steps = roundSteps(divide(multiply(cast(sums, 'float32'), factor), cast(scale, 'float32')))
  return cast(clip(add(steps, cast(zeroPoint, 'int32')), ...bounds), zeroPoint.dtype)
}

operator('ConvInteger', {
  since: 10,
  required: 2,
  convert: (node, [x, w, xZero, wZero]) =>
    convolve(node, centred(x, xZero, 1), centred(w, wZero, 0), 'int32'),
})

operator('MatMulInteger', {
  since: 10,
  required: 2,
  convert: (node, [a, b, aZero, bZero]) => {
    const rows = aZero && aZero.rank === 1 && aZero.shape[0] !== 1
    return matmul(
      node,
      centred(a, aZero, rows ? a.rank - 2 : a.rank - 1),
      centred(b, bZero, b.rank - 1),
      'int32',
    )
  },
})

operator('QLinearConv', {
  since: 10,
  required: 4,
  convert(node, [x, xScale, xZero, w, wScale, wZero, yScale, yZero, bias]) {
    if (!wScale || !wZero || !yScale || !yZero) return node.invalid('it needs eight inputs')
    const sums = addBias(convolve(node, centred(x, xZero, 1), centred(w, wZero, 0), 'int32'), bias)
    const perChannel =
      wScale.rank === 1 && wScale.shape[0] !== 1 ? padRank(wScale, x.rank - 1, true) : reshape(wScale, [])
    return requantize(sums, multiply(perChannel, reshape(xScale, [])), yScale, yZero)
  },
})

operator('QLinearMatMul', {
  since: 10,
  required: 4,
  convert(node, [a, aScale, aZero, b, bScale, bZero, yScale, yZero]) {
    if (!bScale || !bZero || !yScale || !yZero) return node.invalid('it needs eight inputs')
    const rows = (value: Value) => value.rank === 1 && value.shape[0] !== 1
    const sums = matmul(
      node,
      centred(a, aZero, rows(aZero) ? a.rank - 2 : a.rank - 1),
      centred(b, bZero, b.rank - 1),
      'int32',
    )
    const left = cast(rows(aScale) ? padRank(aScale, 2, true) : aScale, 'float32')
    return requantize(sums, multiply(left, cast(bScale, 'float32')), yScale, yZero)
  },
})
