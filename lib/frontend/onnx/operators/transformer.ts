import {
  add,
  cast,
  clip,
  concatenate,
  emit,
  greaterEqual,
  multiply,
  range,
  reduce,
  relu,
  reshape,
  sigmoid,
  sliceAxis,
  stored,
  subtract,
  tanh,
  transpose,
} from '../emit.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import { filled, numbers, scalar, type Value } from '../value.js'
import { gelu, leakyRelu } from './activation.js'
import { addBias, convolve } from './convolution.js'
import { matmul } from './matmul.js'
import { normalize } from './normalization.js'

/** Operators that ONNX Runtime's optimiser makes of several (domain `com.microsoft`, ONNX Runtime 1.20, docs/ContribOperators.md). */
const domain = 'com.microsoft'

const plus = (x: Value, bias: Value | undefined) => (bias ? add(x, bias) : x)

operator(`${domain}.Gelu`, { since: 1, required: 1, convert: (_node, [x]) => gelu(x, 'none') })
operator(`${domain}.FastGelu`, {
  since: 1,
  required: 1,
  convert: (_node, [x, bias]) => gelu(plus(x, bias), 'tanh'),
})
operator(`${domain}.BiasGelu`, {
  since: 1,
  required: 2,
  convert: (_node, [x, bias]) => gelu(add(x, bias), 'none'),
})
operator(`${domain}.QuickGelu`, {
  since: 1,
  required: 1,
  convert: ({ attrs }, [x]) => multiply(x, sigmoid(multiply(x, attrs.float('alpha', 1.702)))),
})

/** Layer normalisation of a sum over its last axis: the result, mean, one over the deviation and the sum. */
function normalizedSum(node: OnnxNode, sum: Value, gamma: Value, beta: Value | undefined): Value[] {
  const { result, mean, inverse } = normalize(sum, [sum.rank - 1], node.attrs.float('epsilon', 1e-12))
  return [plus(multiply(result, gamma), beta), mean, inverse, sum]
}

/** x over the root of its mean square, and one over that root. */
function overRoot(x: Value, axes: readonly number[], epsilon: number): [Value, Value] {
  const wide = cast(x, x.dtype === 'float64' ? 'float64' : 'float32')
  const inverse = emit('rsqrt', [add(reduce('mean', multiply(wide, wide), axes, true), epsilon)])
  return [cast(multiply(wide, inverse), x.dtype), inverse]
}

operator(`${domain}.SkipLayerNormalization`, {
  since: 1,
  required: 3,
  convert: (node, [x, skip, gamma, beta, bias]) =>
    normalizedSum(node, stored(plus(add(x, skip), bias)), gamma, beta),
})

operator(`${domain}.SkipSimplifiedLayerNormalization`, {
  since: 1,
  required: 3,
  convert(node, [x, skip, gamma, bias]) {
    const sum = stored(plus(add(x, skip), bias))
    const [result, inverse] = overRoot(sum, [sum.rank - 1], node.attrs.float('epsilon', 1e-12))
    return [multiply(result, gamma), undefined, inverse, sum]
  },
})

/** ONNX Runtime has this one in `ai.onnx`. */
operator('SimplifiedLayerNormalization', {
  since: 1,
  required: 2,
  convert(node, [x, scale]) {
    const axis = node.axis(node.attrs.int('axis', -1), x.rank)
    const [result, inverse] = overRoot(x, range(x.rank, axis), node.attrs.float('epsilon', 1e-5))
    return [multiply(result, scale), inverse]
  },
})

operator(`${domain}.EmbedLayerNormalization`, {
  since: 1,
  required: 1,
  convert(node, [ids, segments, words, positions, segmentTable, gamma, beta, mask, positionIds]) {
    if (!words || !positions || !gamma || !beta)
      return node.invalid('it needs tables of words and positions, gamma and beta')
    const [batch, length] = ids.shape as [number, number]
    const rows = (table: Value, places: Value) => emit('take', [table, places], { axis: 0, mode: 'clip' })
    const places = positionIds ?? numbers(range(length), 'int64', [1, length])
    let sum = add(rows(words, ids), rows(positions, places))
    if (segments && segmentTable) sum = add(sum, rows(segmentTable, segments))
    const [result] = normalizedSum(node, stored(sum), gamma, beta)
    const count = mask
      ? reduce('sum', cast(greaterEqual(mask, 1), 'int32'), [1])
      : filled(scalar(0, 'int32').tensor as never, [batch])
    return [result, count, sum]
  },
})

operator(`${domain}.FusedMatMul`, {
  since: 1,
  required: 2,
  convert(node, [a, b]) {
    const { attrs } = node
    const swapped = (x: Value, which: 'A' | 'B') => {
      const axes = range(x.rank)
      // The batch axes stand behind the rows, [rows, ...batch, columns].
      const ordered = attrs.flag(`transBatch${which}`)
        ? [...axes.slice(1, -1), axes[0] as number, x.rank - 1]
        : [...axes]
      if (attrs.flag(`trans${which}`) && x.rank > 1) ordered.push(...ordered.splice(-2).reverse())
      return transpose(x, ordered)
    }
    const alpha = attrs.float('alpha', 1)
    const result = matmul(node, swapped(a, 'A'), swapped(b, 'B'))
    return alpha === 1 ? result : multiply(result, alpha)
  },
})

/** The attribute `activation` of fused operators. */
function activate(node: OnnxNode, x: Value, [first = 0, second = 0]: readonly number[]): Value {
  const name = node.attrs.string('activation', '')
  const functions: Readonly<Record<string, () => Value>> = {
    '': () => x,
    Relu: () => relu(x),
    Sigmoid: () => sigmoid(x),
    Tanh: () => tanh(x),
    LeakyRelu: () => leakyRelu(x, first),
    Clip: () => clip(x, first, second),
    HardSigmoid: () => clip(add(multiply(x, first), second), 0, 1),
  }
  return functions[name]?.() ?? node.unsupported(`activation '${name}' is not supported`)
}

operator(`${domain}.FusedConv`, {
  since: 1,
  required: 2,
  convert(node, [x, weight, bias, sum]) {
    const result = addBias(convolve(node, x, weight, x.dtype), bias)
    return activate(node, plus(result, sum), node.attrs.floats('activation_params', []))
  },
})

operator(`${domain}.FusedGemm`, {
  since: 1,
  required: 2,
  convert(node, [a, b, c]) {
    const { attrs } = node
    const left = attrs.flag('transA') ? transpose(a, [1, 0]) : a
    const weight = attrs.flag('transB') ? b : transpose(b, [1, 0])
    const units = weight.shape[0] as number
    const product = multiply(
      emit('nn.dense', [left, weight], { units, out_dtype: a.dtype }),
      attrs.float('alpha', 1),
    )
    const sum = c ? add(product, multiply(c, attrs.float('beta', 1))) : product
    return activate(node, sum, [attrs.float('activation_alpha', 0), attrs.float('activation_beta', 0)])
  },
})

/** Weights of a few bits, in blocks along the inner axis with a scale each. */
operator(`${domain}.MatMulNBits`, {
  since: 1,
  required: 3,
  convert(node, [a, packed, scales, zeros, order, bias]) {
    const { attrs } = node
    const [inner, columns, bits, block] = [
      attrs.int('K'),
      attrs.int('N'),
      attrs.int('bits', 4),
      attrs.int('block_size'),
    ]
    if (bits !== 4 && bits !== 8) return node.unsupported(`weights of ${bits} bits are not supported`)
    if (order) return node.unsupported('an order of groups (g_idx) is not supported')
    const blocks = Math.ceil(inner / block)
    const bytes = unpackedBits(packed, bits)
    if (bytes.shape.reduce((x, y) => x * y, 1) !== columns * blocks * block)
      node.invalid(
        `weights of shape [${packed.shape}] are not ${columns} columns of ${blocks} blocks of ${block}`,
      )
    const grid = reshape(cast(bytes, 'float32'), [columns, blocks, block])
    const each = (x: Value) => reshape(x, [columns, blocks, 1])
    const zero = () => {
      if (!zeros) return scalar(2 ** (bits - 1), 'float32')
      if (zeros.dtype !== 'uint8') return each(cast(zeros, 'float32'))
      const perColumn = bits === 4 ? Math.ceil(blocks / 2) * 2 : blocks
      const all = reshape(unpackedBits(zeros, bits), [columns, perColumn])
      return each(cast(sliceAxis(all, 1, 0, blocks), 'float32'))
    }
    const real = multiply(subtract(grid, zero()), each(cast(scales, 'float32')))
    const rows = reshape(real, [columns, blocks * block])
    const weight = sliceAxis(rows, 1, 0, inner)
    const result = matmul(node, a, cast(transpose(weight, [1, 0]), a.dtype))
    return plus(result, bias)
  },
})

/** One number a byte; of two in a byte the low half comes first. */
function unpackedBits(x: Value, bits: number): Value {
  if (bits === 8) return x
  const low = emit('bitwise_and', [x, scalar(15, 'uint8')])
  const high = emit('right_shift', [x, scalar(4, 'uint8')])
  const count = x.shape.reduce((total, extent) => total * extent, 1)
  const column = (half: Value) => reshape(half, [count, 1])
  return reshape(concatenate([column(low), column(high)], 1), [2 * count])
}
