import { type Tensor, tensor } from '#lib/tensor.js'
import { float, floats } from '../support/onnx-writer.js'
import { type Case, describeFamilies } from '../support/operator-cases.js'
import { randomTensor as random } from '../support/random.js'

// Operators of ONNX Runtime's own domain and of `ai.onnx.ml`, each against ONNX Runtime.
const domain = 'com.microsoft'
const ms = (op: string, rest: Omit<Case, 'op' | 'domain' | 'opsets'>): Case => ({
  op,
  domain,
  opsets: [17],
  ...rest,
})
const x3 = random([2, 5, 8])
const integers = (dtype: 'int32' | 'int64', values: readonly number[], shape: readonly number[]): Tensor =>
  dtype === 'int64'
    ? tensor(BigInt64Array.from(values, BigInt), shape)
    : tensor(Int32Array.from(values), shape)
const bytes = (shape: readonly number[], signed = false): Tensor => {
  const numbers = Array.from(random(shape).data as Float32Array, (v) => Math.round(v * 60 + 100))
  return signed
    ? tensor(
        Int8Array.from(numbers, (v) => v - 100),
        shape,
      )
    : tensor(Uint8Array.from(numbers), shape)
}
const scalar = (value: number) => tensor(Float32Array.of(value), [])
const zero = (value: number, signed = false) =>
  tensor(signed ? Int8Array.of(value) : Uint8Array.of(value), [])

const gelus: Case[] = [
  ms('Gelu', { feeds: { x: x3 } }),
  ms('FastGelu', { feeds: { x: x3 } }),
  ms('FastGelu', { feeds: { x: x3 }, stored: { b: random([8]) } }),
  ms('BiasGelu', { feeds: { x: x3 }, stored: { b: random([8]) } }),
  ms('QuickGelu', { feeds: { x: x3 } }),
  ms('QuickGelu', { feeds: { x: x3 }, attrs: { alpha: float(0.7) } }),
]

const gamma = random([8])
const beta = random([8])
const normalizations: Case[] = [
  ms('SkipLayerNormalization', { feeds: { x: x3, skip: random([2, 5, 8]) }, stored: { gamma } }),
  ms('SkipLayerNormalization', {
    feeds: { x: x3, skip: random([2, 5, 8]) },
    stored: { gamma, beta, bias: random([8]) },
    attrs: { epsilon: float(1e-5) },
  }),
  ms('SkipSimplifiedLayerNormalization', {
    feeds: { x: x3, skip: random([2, 5, 8]) },
    stored: { gamma, bias: random([8]) },
    attrs: { epsilon: float(1e-5) },
  }),
  { op: 'SimplifiedLayerNormalization', opsets: [17], feeds: { x: x3 }, stored: { gamma } },
  ms('EmbedLayerNormalization', {
    feeds: {
      ids: integers('int32', [1, 4, 2, 0, 3, 3], [2, 3]),
      segments: integers('int32', [0, 1, 0, 1, 1, 0], [2, 3]),
    },
    stored: { words: random([6, 8]), places: random([4, 8]), kinds: random([2, 8]), gamma, beta },
    outputs: 2,
  }),
  ms('EmbedLayerNormalization', {
    feeds: {
      ids: integers('int32', [1, 4, 2, 0, 3, 3], [2, 3]),
      mask: integers('int32', [1, 1, 0, 1, 0, 0], [2, 3]),
    },
    stored: { words: random([6, 8]), places: random([4, 8]), gamma, beta },
    order: ['ids', '', 'words', 'places', '', 'gamma', 'beta', 'mask'],
    outputs: 2,
  }),
]

const fused: Case[] = [
  ...[{}, { alpha: float(0.5) }, { transA: 1 }, { transB: 1, alpha: float(2) }, { transA: 1, transB: 1 }].map(
    (attrs) => ms('FusedMatMul', { feeds: { a: random([2, 4, 4]), b: random([2, 4, 4]) }, attrs }),
  ),
  ms('FusedMatMul', {
    feeds: { a: random([3, 2, 4]), b: random([2, 4, 5]) },
    attrs: { transBatchA: 1 },
  }),
  ...[
    { activation: 'Relu' },
    { activation: 'Sigmoid' },
    { activation: 'Tanh' },
    { activation: 'LeakyRelu', activation_params: floats(0.2) },
    { activation: 'Clip', activation_params: floats(-0.5, 0.5) },
    { activation: 'HardSigmoid', activation_params: floats(0.3, 0.4) },
  ].map((attrs) =>
    ms('FusedConv', {
      feeds: { x: random([1, 3, 6, 6]) },
      stored: { w: random([4, 3, 3, 3]), b: random([4]) },
      attrs: { ...attrs, pads: [1, 1, 1, 1] },
    }),
  ),
  ms('FusedConv', {
    feeds: { x: random([1, 3, 6, 6]), z: random([1, 4, 4, 4]) },
    stored: { w: random([4, 3, 3, 3]), b: random([4]) },
    order: ['x', 'w', 'b', 'z'],
    attrs: { activation: 'Relu' },
  }),
  ms('FusedGemm', {
    feeds: { a: random([3, 4]) },
    stored: { b: random([5, 4]), c: random([5]) },
    attrs: {
      transB: 1,
      alpha: float(0.5),
      beta: float(2),
      activation: 'LeakyRelu',
      activation_alpha: float(0.1),
    },
  }),
]

const widths = 3 * 8
const attentionWeights = { w: random([8, widths]), b: random([widths]) }
const attention: Case[] = [
  ms('Attention', { feeds: { x: x3 }, stored: attentionWeights, attrs: { num_heads: 2 } }),
  ms('Attention', { feeds: { x: x3 }, stored: attentionWeights, attrs: { num_heads: 2, unidirectional: 1 } }),
  ms('Attention', { feeds: { x: x3 }, stored: attentionWeights, attrs: { num_heads: 4, scale: float(0.3) } }),
  ms('Attention', {
    feeds: { x: x3, mask: integers('int32', [5, 3], [2]) },
    stored: attentionWeights,
    order: ['x', 'w', 'b', 'mask'],
    attrs: { num_heads: 2 },
  }),
  ms('Attention', {
    feeds: { x: x3, mask: integers('int32', [5, 4, 0, 1], [4]) },
    stored: attentionWeights,
    order: ['x', 'w', 'b', 'mask'],
    attrs: { num_heads: 2 },
  }),
  ms('Attention', {
    feeds: { x: x3, mask: integers('int32', [1, 1, 1, 0, 0, 1, 0, 1, 1, 1], [2, 5]) },
    stored: attentionWeights,
    order: ['x', 'w', 'b', 'mask'],
    attrs: { num_heads: 2 },
  }),
  ms('Attention', {
    feeds: { x: x3, past: random([2, 2, 2, 3, 4]) },
    stored: attentionWeights,
    order: ['x', 'w', 'b', '', 'past'],
    attrs: { num_heads: 2, unidirectional: 1 },
    outputs: 2,
  }),
  ms('Attention', {
    feeds: { x: x3 },
    stored: { w: random([8, 8 + 8 + 4]), b: random([20]) },
    attrs: { num_heads: 2, qkv_hidden_sizes: [8, 8, 4] },
  }),
  ms('QAttention', {
    feeds: { x: bytes([2, 5, 8]) },
    stored: {
      w: bytes([8, widths], true),
      b: random([widths]),
      xs: scalar(0.02),
      ws: scalar(0.01),
      xz: zero(100),
      wz: zero(0, true),
    },
    order: ['x', 'w', 'b', 'xs', 'ws', '', 'xz', 'wz'],
    attrs: { num_heads: 2 },
  }),
  ms('MultiHeadAttention', {
    feeds: { q: random([2, 3, 8]), k: random([2, 5, 8]), v: random([2, 5, 8]) },
    attrs: { num_heads: 2 },
  }),
  ms('MultiHeadAttention', {
    feeds: { q: random([2, 3, 8]), k: random([2, 5, 8]), v: random([2, 5, 8]) },
    stored: { b: random([24]) },
    attrs: { num_heads: 4, scale: float(0.2) },
  }),
  ms('MultiHeadAttention', {
    feeds: {
      q: random([2, 3, 8]),
      k: random([2, 5, 8]),
      v: random([2, 5, 8]),
      bias: random([1, 2, 3, 5]),
    },
    order: ['q', 'k', 'v', '', '', 'bias'],
    attrs: { num_heads: 2 },
  }),
]

const rotaryTables = { cos: random([10, 2]), sin: random([10, 2]) }
const rotary: Case[] = [0, 1].flatMap((interleaved) => [
  ms('RotaryEmbedding', {
    feeds: { x: random([2, 3, 5, 4]), at: integers('int64', [2], [1]) },
    stored: rotaryTables,
    attrs: { interleaved },
  }),
  ms('RotaryEmbedding', {
    feeds: { x: x3, at: integers('int64', [0, 1, 2, 3, 4, 5, 4, 3, 2, 1], [2, 5]) },
    stored: rotaryTables,
    attrs: { interleaved },
  }),
])

const nibbles = (shape: readonly number[]) => bytes(shape)
const narrow: Case[] = [
  ms('MatMulNBits', {
    feeds: { a: random([2, 3, 32]) },
    stored: { b: nibbles([6, 2, 8]), s: random([12]) },
    attrs: { K: 32, N: 6, bits: 4, block_size: 16 },
  }),
  ms('MatMulNBits', {
    feeds: { a: random([3, 40]) },
    stored: { b: nibbles([6, 3, 8]), s: random([18]), z: nibbles([12]) },
    attrs: { K: 40, N: 6, bits: 4, block_size: 16 },
  }),
  ms('DynamicQuantizeMatMul', {
    feeds: { a: random([2, 3, 8]) },
    stored: { b: bytes([8, 6]), s: scalar(0.02), z: zero(100), bias: random([6]) },
    tolerance: { atol: 1e-4 },
  }),
  ms('DynamicQuantizeMatMul', {
    feeds: { a: random([3, 8]) },
    stored: {
      b: bytes([8, 6], true),
      s: tensor(Float32Array.of(0.01, 0.02, 0.03, 0.04, 0.05, 0.06), [6]),
      z: tensor(new Int8Array(6), [6]),
    },
    tolerance: { atol: 1e-4 },
  }),
  ms('MatMulIntegerToFloat', {
    feeds: { a: bytes([3, 8]) },
    stored: {
      b: bytes([8, 6]),
      as: scalar(0.1),
      bs: scalar(0.02),
      az: zero(99),
      bz: zero(101),
      bias: random([6]),
    },
  }),
  {
    op: 'MatMulInteger',
    opsets: [10, 17],
    feeds: { a: bytes([3, 8]) },
    stored: { b: bytes([8, 6]), az: zero(99), bz: zero(101) },
  },
]

/** Results within one step, as a sum may fall on either side of a boundary. */
const step = { rtol: 0, atol: 1 }
const grid = (signed: boolean, scale: number, at: number) => ({
  scale: scalar(scale),
  zero: zero(at, signed),
})
const quantized: Case[] = [false, true].flatMap((signed) => {
  const x = bytes([2, 3, 4, 4], signed)
  const own = grid(signed, 0.05, signed ? 3 : 110)
  const to = grid(signed, 0.04, signed ? -5 : 90)
  const unary = { xs: own.scale, xz: own.zero, ys: to.scale, yz: to.zero }
  return [
    ...(['QLinearAdd', 'QLinearMul'] as const).map((op) =>
      ms(op, {
        feeds: { a: x, b: bytes([2, 3, 4, 4], signed) },
        stored: { as: own.scale, az: own.zero, bs: to.scale, bz: to.zero, cs: scalar(0.2), cz: own.zero },
        order: ['a', 'as', 'az', 'b', 'bs', 'bz', 'cs', 'cz'],
        tolerance: step,
      }),
    ),
    ms('QLinearConcat', {
      feeds: { a: x, b: bytes([2, 2, 4, 4], signed) },
      stored: { ...unary, s2: scalar(0.03), z2: zero(7, signed) },
      order: ['ys', 'yz', 'a', 'xs', 'xz', 'b', 's2', 'z2'],
      attrs: { axis: 1 },
      tolerance: step,
    }),
    ms('QLinearGlobalAveragePool', {
      feeds: { x },
      stored: unary,
      attrs: { channels_last: 0 },
      tolerance: step,
    }),
    ms('QLinearGlobalAveragePool', {
      feeds: { x },
      stored: unary,
      attrs: { channels_last: 1 },
      tolerance: step,
    }),
    ms('QLinearAveragePool', {
      feeds: { x },
      stored: unary,
      attrs: { kernel_shape: [2, 2], strides: [2, 2] },
      tolerance: step,
    }),
    ms('QLinearSigmoid', { feeds: { x }, stored: unary, tolerance: step }),
    ms('QLinearLeakyRelu', { feeds: { x }, stored: unary, attrs: { alpha: float(0.3) }, tolerance: step }),
    ms('QLinearSoftmax', {
      feeds: { x: bytes([2, 6], signed) },
      stored: { xs: own.scale, xz: own.zero, ys: scalar(1 / 256), yz: zero(signed ? -128 : 0, signed) },
      attrs: { axis: -1, opset: 13 },
      tolerance: step,
    }),
    ms('QLinearWhere', {
      feeds: {
        c: tensor(Uint8Array.of(1, 0, 1, 1, 0, 0), [2, 3], 'bool'),
        x: bytes([2, 3], signed),
        y: bytes([2, 3], signed),
      },
      stored: { xs: own.scale, xz: own.zero, ys: to.scale, yz: to.zero, zs: scalar(0.06), zz: own.zero },
      order: ['c', 'x', 'xs', 'xz', 'y', 'ys', 'yz', 'zs', 'zz'],
      tolerance: step,
    }),
    ms('QGemm', {
      feeds: { a: bytes([3, 8], signed) },
      stored: {
        as: own.scale,
        az: own.zero,
        b: bytes([5, 8], true),
        bs: scalar(0.01),
        bz: zero(0, true),
        c: integers('int32', [100, -200, 300, 0, 50], [5]),
        ys: scalar(0.3),
        yz: own.zero,
      },
      order: ['a', 'as', 'az', 'b', 'bs', 'bz', 'c', 'ys', 'yz'],
      attrs: { transB: 1 },
      tolerance: step,
    }),
  ]
})

const ml = (op: string, rest: Omit<Case, 'op' | 'domain' | 'opsets'>): Case => ({
  op,
  domain: 'ai.onnx.ml',
  opsets: [17],
  ...rest,
})
const rows = random([4, 3])
const vectors = floats(...Array.from(random([5, 3]).data as Float32Array))
const machines: Case[] = ['LINEAR', 'POLY', 'RBF', 'SIGMOID'].flatMap((kernel_type) =>
  [0, 1].map((one_class) =>
    ml('SVMRegressor', {
      feeds: { x: rows },
      attrs: {
        kernel_type,
        kernel_params: floats(0.4, 0.3, 3),
        n_supports: 5,
        support_vectors: vectors,
        coefficients: floats(0.5, -1, 0.25, 2, -0.75),
        rho: floats(0.1),
        one_class,
      },
    }),
  ),
)
const holes = tensor(Float32Array.of(1, Number.NaN, 3, Number.NaN, 5, 0), [2, 3])
const features: Case[] = [
  ml('OneHotEncoder', {
    feeds: { x: integers('int64', [3, 1, 9, 7], [4]) },
    attrs: { cats_int64s: [1, 3, 7], zeros: 1 },
  }),
  ml('OneHotEncoder', {
    feeds: { x: tensor(Float32Array.of(3, 1, 2, 7), [2, 2]) },
    attrs: { cats_int64s: [1, 2, 3, 7], zeros: 1 },
  }),
  ml('Imputer', {
    feeds: { x: holes },
    attrs: { imputed_value_floats: floats(9), replaced_value_float: float(Number.NaN) },
  }),
  ml('Imputer', {
    feeds: { x: holes },
    attrs: { imputed_value_floats: floats(7, 8, 9), replaced_value_float: float(0) },
  }),
  ml('Imputer', {
    feeds: { x: integers('int64', [1, 0, 3, 0], [2, 2]) },
    attrs: { imputed_value_int64s: [5, 6], replaced_value_int64: 0 },
  }),
]

const lstm = (scales: number): Case => {
  const hidden = 4
  const each = (first: number) =>
    tensor(
      Float32Array.from({ length: 2 * scales }, (_, i) => first + 0.001 * (i % 5)),
      scales === 1 ? [2] : [2, scales],
    )
  const zeros = tensor(new Int8Array(2 * scales), scales === 1 ? [2] : [2, scales])
  return ms('DynamicQuantizeLSTM', {
    feeds: { x: random([3, 2, 5]) },
    stored: {
      w: bytes([2, 5, 4 * hidden], true),
      r: bytes([2, hidden, 4 * hidden], true),
      b: random([2, 8 * hidden]),
      ws: each(0.01),
      wz: zeros,
      rs: each(0.008),
      rz: zeros,
    },
    order: ['x', 'w', 'r', 'b', '', '', '', '', 'ws', 'wz', 'rs', 'rz'],
    attrs: { direction: 'bidirectional', hidden_size: hidden },
    outputs: 3,
    // A number may be rounded to the next byte.
    tolerance: { atol: 1e-2 },
  })
}
const recurrent = [lstm(1), lstm(16)]

describeFamilies({
  recurrent,
  gelus,
  normalizations,
  fused,
  attention,
  rotary,
  narrow,
  quantized,
  machines,
  features,
})
