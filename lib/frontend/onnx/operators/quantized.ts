import {
  add,
  concatenate,
  emit,
  multiply,
  product,
  range,
  reduce,
  reshape,
  transpose,
  where,
} from '../emit.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import { scalar, type Value } from '../value.js'
import { leakyRelu } from './activation.js'
import { averagePool, globalAveragePool } from './pooling.js'
import { dequantized, requantized } from './quantization.js'

/**
 * Operators on quantised tensors that ONNX Runtime's quantiser writes (domain `com.microsoft`, ONNX Runtime 1.20,
 * docs/ContribOperators.md). Each is the operator on real numbers between a dequantisation and a quantisation; what can be done
 * with integers is found later.
 */
const domain = 'com.microsoft'

/** Operators of one tensor: data, its scale and zero point, those of the result. */
const unary: Readonly<Record<string, (node: OnnxNode, x: Value) => Value>> = {
  QLinearSigmoid: (_node, x) => emit('sigmoid', [x]),
  QLinearLeakyRelu: ({ attrs }, x) => leakyRelu(x, attrs.float('alpha', 0.01)),
  QLinearSoftmax: softmax,
  QLinearGlobalAveragePool: (node, x) => channelsFirst(node, x, globalAveragePool),
  QLinearAveragePool: (node, x) => channelsFirst(node, x, (data) => averagePool(node, data)),
}

function softmax(node: OnnxNode, x: Value): Value {
  const axis = node.axis(node.attrs.int('axis', -1), x.rank)
  if (node.attrs.int('opset', 13) >= 13) return emit('nn.softmax', [x], { axis })
  const rows = product(x.shape.slice(0, axis))
  return reshape(
    emit('nn.softmax', [reshape(x, [rows, product(x.shape.slice(axis))])], { axis: -1 }),
    x.shape,
  )
}

/** Applies `compute` to [batch, channel, ...], whichever order the node has. */
function channelsFirst(node: OnnxNode, x: Value, compute: (x: Value) => Value): Value {
  if (!node.attrs.flag('channels_last')) return compute(x)
  const spatial = Array.from({ length: x.rank - 2 }, (_, i) => i)
  const result = compute(transpose(x, [0, x.rank - 1, ...spatial.map((i) => i + 1)]))
  return transpose(result, [0, ...spatial.map((i) => i + 2), 1])
}

for (const [name, compute] of Object.entries(unary)) {
  operator(`${domain}.${name}`, {
    since: 1,
    required: 2,
    convert(node, [x, scale, zero, toScale, toZero]) {
      if (!toScale) return node.invalid('it needs a scale of its result')
      return requantized(compute(node, dequantized(x, scale, zero)), toScale, toZero, x.dtype)
    },
  })
}

/** Operators of two tensors, each with scale and zero point, then those of the result. */
for (const [name, compute] of [
  ['QLinearAdd', add],
  ['QLinearMul', multiply],
] as const) {
  operator(`${domain}.${name}`, {
    since: 1,
    required: 2,
    convert(node, [a, aScale, aZero, b, bScale, bZero, scale, zero]) {
      if (!b || !bScale || !scale) return node.invalid('it needs two operands and three scales')
      const result = compute(dequantized(a, aScale, aZero), dequantized(b, bScale, bZero))
      return requantized(result, scale, zero, a.dtype)
    },
  })
}

operator(`${domain}.QLinearConcat`, {
  since: 1,
  required: 2,
  convert(node, [scale, zero, ...rest]) {
    const parts: Value[] = []
    for (let i = 0; i + 1 < rest.length; i += 3) {
      const [x, own, ownZero] = rest.slice(i, i + 3)
      if (!x || !own) return node.invalid(`its input ${i + 2} is incomplete`)
      parts.push(dequantized(x, own, ownZero))
    }
    const [first] = parts
    if (!first) return node.invalid('it joins nothing')
    return requantized(concatenate(parts, node.axis(node.attrs.int('axis'), first.rank)), scale, zero)
  },
})

operator(`${domain}.QGemm`, {
  since: 1,
  required: 4,
  convert(node, [a, aScale, aZero, b, bScale, bZero, c, scale, zero]) {
    if (!bScale) return node.invalid('it needs a scale of its second operand')
    const { attrs } = node
    const left = dequantized(a, aScale, aZero)
    const rows = attrs.flag('transA') ? transpose(left, [1, 0]) : left
    const right = dequantized(b, bScale, bZero, attrs.flag('transB') ? 0 : 1)
    const weight = attrs.flag('transB') ? right : transpose(right, [1, 0])
    const units = weight.shape[0] as number
    const sums = emit('nn.dense', [rows, weight], { units, out_dtype: 'float32' })
    const alpha = attrs.float('alpha', 1)
    const scaled = alpha === 1 ? sums : multiply(sums, alpha)
    const biasScale = multiply(multiply(bScale, reshape(aScale, [])), scalar(alpha, 'float32'))
    // The bias is of int32, in units of the product of the scales.
    const result = c
      ? add(scaled, dequantized(reshape(c, c.shape.at(-1) === units ? [units] : [1]), biasScale, undefined))
      : scaled
    return scale ? requantized(result, scale, zero, a.dtype) : result
  },
})

operator(`${domain}.QLinearWhere`, {
  since: 1,
  required: 4,
  convert(node, [condition, x, xScale, xZero, y, yScale, yZero, scale, zero]) {
    if (!y || !yScale || !scale) return node.invalid('it needs two operands and three scales')
    const chosen = where(condition, dequantized(x, xScale, xZero), dequantized(y, yScale, yZero))
    return requantized(chosen, scale, zero, x.dtype)
  },
})

operator(`${domain}.QLinearReduceMean`, {
  since: 1,
  required: 4,
  convert(node, [x, scale, zero, toScale, toZero]) {
    const { attrs } = node
    const axes = attrs.optionalInts('axes')?.map((axis) => node.axis(axis, x.rank)) ?? range(x.rank)
    const mean = reduce('mean', dequantized(x, scale, zero), axes, attrs.flag('keepdims', true))
    return requantized(mean, toScale, toZero, x.dtype)
  },
})
