import { tensor } from '#lib/tensor.js'
import { float, floats } from '../support/onnx-writer.js'
import { type Case, describeFamilies } from '../support/operator-cases.js'
import { randomTensor as random } from '../support/random.js'

const ints = (...values: number[]) => tensor(BigInt64Array.from(values, BigInt))
const scalarInt = (value: number) => tensor(BigInt64Array.of(BigInt(value)), [])
const floatsOf = (...values: number[]) => tensor(Float32Array.from(values))
const scalarFloat = (value: number) => tensor(Float32Array.of(value), [])
const all = [7, 13, 21]
const image = random([1, 4, 9, 8])

const convolution: Case[] = [
  {
    op: 'Conv',
    opsets: [7, 11, 21],
    feeds: { x: image },
    stored: { w: random([6, 4, 3, 3]), b: random([6]) },
    attrs: { pads: [1, 0, 2, 1], strides: [2, 1] },
  },
  {
    op: 'Conv',
    opsets: all,
    feeds: { x: image },
    stored: { w: random([8, 2, 3, 3]) },
    attrs: { group: 2, dilations: [2, 1] },
  },
  {
    op: 'Conv',
    opsets: all,
    feeds: { x: image },
    stored: { w: random([4, 1, 3, 3]) },
    attrs: { group: 4, auto_pad: 'SAME_UPPER', strides: [2, 2] },
  },
  {
    op: 'Conv',
    opsets: all,
    feeds: { x: image },
    stored: { w: random([3, 4, 2, 2]) },
    attrs: { auto_pad: 'SAME_LOWER' },
  },
  {
    op: 'Conv',
    opsets: all,
    feeds: { x: image },
    stored: { w: random([3, 4, 2, 2]) },
    attrs: { auto_pad: 'VALID', kernel_shape: [2, 2] },
  },
  {
    op: 'Conv',
    opsets: all,
    feeds: { x: random([2, 4, 20]) },
    stored: { w: random([6, 2, 5]), b: random([6]) },
    attrs: { group: 2, pads: [2, 2], strides: [2] },
  },
]

const pooling: Case[] = [
  {
    op: 'MaxPool',
    opsets: all,
    feeds: { x: image },
    attrs: { kernel_shape: [3, 2], strides: [2, 2], pads: [1, 0, 1, 1] },
  },
  {
    op: 'MaxPool',
    opsets: [10, 21],
    feeds: { x: image },
    attrs: { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 },
  },
  {
    op: 'MaxPool',
    opsets: [10, 21],
    feeds: { x: image },
    attrs: { kernel_shape: [2, 2], dilations: [2, 3] },
  },
  {
    op: 'MaxPool',
    opsets: all,
    feeds: { x: random([1, 3, 11]) },
    attrs: { kernel_shape: [3], auto_pad: 'SAME_UPPER', strides: [2] },
  },
  { op: 'MaxPool', opsets: all, feeds: { x: random([1, 2, 5, 6, 7]) }, attrs: { kernel_shape: [2, 2, 2] } },
  {
    op: 'AveragePool',
    opsets: all,
    feeds: { x: image },
    attrs: { kernel_shape: [3, 3], pads: [1, 1, 1, 1] },
  },
  {
    op: 'AveragePool',
    opsets: all,
    feeds: { x: image },
    attrs: { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 },
  },
  {
    op: 'AveragePool',
    opsets: [10, 21],
    feeds: { x: image },
    attrs: { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 },
  },
  {
    op: 'AveragePool',
    opsets: all,
    feeds: { x: random([1, 3, 11]) },
    attrs: { kernel_shape: [4], auto_pad: 'SAME_LOWER', strides: [3] },
  },
  {
    op: 'MaxPool',
    opsets: [8, 12, 21],
    feeds: { x: random([2, 3, 7, 8]) },
    attrs: { kernel_shape: [3, 2], strides: [2, 3], pads: [1, 1, 1, 0] },
    outputs: 2,
  },
  {
    op: 'MaxPool',
    opsets: [10],
    feeds: { x: random([2, 2, 7, 8]) },
    attrs: { kernel_shape: [2, 3], dilations: [2, 1], ceil_mode: 1, strides: [2, 2], storage_order: 1 },
    outputs: 2,
  },
  {
    op: 'MaxPool',
    opsets: [12],
    feeds: { x: random([1, 2, 4, 4], 'int8', -128, -100) },
    attrs: { kernel_shape: [3, 3], pads: [1, 1, 1, 1] },
    outputs: 2,
  },
  {
    op: 'AveragePool',
    opsets: [19, 21],
    feeds: { x: image },
    attrs: { kernel_shape: [3, 2], dilations: [2, 3], pads: [1, 0, 1, 1] },
  },
  { op: 'GlobalAveragePool', opsets: all, feeds: { x: image } },
  { op: 'GlobalAveragePool', opsets: all, feeds: { x: random([2, 3, 7]) } },
  { op: 'GlobalMaxPool', opsets: all, feeds: { x: image } },
  { op: 'LpPool', opsets: [11, 18], feeds: { x: image }, attrs: { kernel_shape: [2, 2], p: 3 } },
]

const normalization: Case[] = [
  {
    op: 'BatchNormalization',
    opsets: [7, 9, 14, 15, 21],
    feeds: { x: image },
    stored: {
      scale: random([4]),
      b: random([4]),
      mean: random([4]),
      variance: random([4], 'float32', 0.5, 2),
    },
    attrs: { epsilon: float(1e-3) },
  },
  {
    op: 'InstanceNormalization',
    opsets: all,
    feeds: { x: image },
    stored: { scale: random([4]), b: random([4]) },
  },
  {
    op: 'LayerNormalization',
    opsets: [17, 21],
    feeds: { x: random([2, 5, 6]) },
    stored: { scale: random([6]), b: random([6]) },
  },
  {
    op: 'LayerNormalization',
    opsets: [17],
    feeds: { x: random([2, 5, 6]) },
    stored: { scale: random([5, 6]) },
    attrs: { axis: 1 },
  },
  {
    op: 'GroupNormalization',
    opsets: [21],
    feeds: { x: image },
    stored: { scale: random([4]), b: random([4]) },
    attrs: { num_groups: 2 },
  },
  { op: 'LpNormalization', opsets: all, feeds: { x: random([3, 4]) }, attrs: { axis: 1, p: 2 } },
  { op: 'LpNormalization', opsets: all, feeds: { x: random([3, 4]) }, attrs: { axis: 0, p: 1 } },
  { op: 'MeanVarianceNormalization', opsets: [9, 13], feeds: { x: image } },
]

const vector = random([3, 7], 'float32', -3, 3)
const activation: Case[] = [
  ...['Relu', 'Sigmoid', 'Tanh', 'Softplus', 'Softsign', 'Elu', 'Selu', 'LeakyRelu', 'HardSigmoid'].map(
    (op) => ({ op, opsets: all, feeds: { x: vector } }),
  ),
  { op: 'LeakyRelu', opsets: all, feeds: { x: vector }, attrs: { alpha: float(0.2) } },
  { op: 'Elu', opsets: all, feeds: { x: vector }, attrs: { alpha: float(1.5) } },
  { op: 'Celu', opsets: [12], feeds: { x: vector }, attrs: { alpha: float(2) } },
  { op: 'HardSwish', opsets: [14], feeds: { x: vector } },
  { op: 'Mish', opsets: [18], feeds: { x: vector } },
  { op: 'Gelu', opsets: [20], feeds: { x: vector } },
  { op: 'Gelu', opsets: [20], feeds: { x: vector }, attrs: { approximate: 'tanh' } },
  { op: 'ThresholdedRelu', opsets: [10], feeds: { x: vector }, attrs: { alpha: float(0.7) } },
  { op: 'Shrink', opsets: [9], feeds: { x: vector }, attrs: { lambd: float(1), bias: float(0.5) } },
  { op: 'PRelu', opsets: all, feeds: { x: image }, stored: { slope: random([4, 1, 1]) } },
  { op: 'Clip', opsets: [7], feeds: { x: vector }, attrs: { min: float(-1), max: float(1) } },
  {
    op: 'Clip',
    opsets: [11, 13, 21],
    feeds: { x: vector },
    stored: { low: scalarFloat(0), high: scalarFloat(6) },
  },
  {
    op: 'Clip',
    opsets: [13],
    feeds: { x: vector },
    stored: { high: scalarFloat(1) },
    order: ['x', '', 'high'],
  },
  { op: 'Clip', opsets: [13], feeds: { x: vector, low: scalarFloat(-0.5) } },
  { op: 'Dropout', opsets: [7, 10], feeds: { x: vector } },
  { op: 'Dropout', opsets: [13], feeds: { x: vector }, stored: { ratio: scalarFloat(0.4) } },
  {
    op: 'Dropout',
    opsets: [13],
    feeds: { x: vector, training: tensor(Uint8Array.of(1), [], 'bool') },
    stored: { ratio: scalarFloat(0) },
    order: ['x', 'ratio', 'training'],
    outputs: 2,
  },
]

const matrices: Case[] = [
  {
    op: 'Gemm',
    opsets: [7, 9, 11, 13, 21],
    feeds: { a: random([3, 5]) },
    stored: { b: random([5, 4]), c: random([4]) },
  },
  {
    op: 'Gemm',
    opsets: all,
    feeds: { a: random([5, 3]) },
    stored: { b: random([4, 5]), c: random([3, 1]) },
    attrs: { transA: 1, transB: 1, alpha: float(0.5), beta: float(2) },
  },
  { op: 'Gemm', opsets: [11], feeds: { a: random([3, 5]), b: random([5, 4]) } },
  { op: 'MatMul', opsets: all, feeds: { a: random([3, 5]) }, stored: { b: random([5, 4]) } },
  { op: 'MatMul', opsets: all, feeds: { a: random([2, 3, 5]) }, stored: { b: random([5, 4]) } },
  { op: 'MatMul', opsets: all, feeds: { a: random([5]) }, stored: { b: random([5, 4]) } },
  { op: 'MatMul', opsets: all, feeds: { a: random([3, 5]) }, stored: { b: random([5]) } },
]

const [a34, b4] = [random([3, 4]), random([4], 'float32', 0.5, 3, 7)]
const i32 = (shape: number[], low: number, high: number) => random(shape, 'int32', low, high)
const flags = (shape: number[], seed: number) => random(shape, 'bool', 0, 1, seed)
const elementwise: Case[] = [
  ...['Add', 'Sub', 'Mul', 'Div'].flatMap((op): Case[] => [
    { op, opsets: all, feeds: { a: a34, b: b4 } },
    { op, opsets: all, feeds: { a: random([2, 1, 4]) }, stored: { b: random([3, 1], 'float32', 1, 2) } },
  ]),
  { op: 'Div', opsets: all, feeds: { a: i32([12], -20, 20), b: i32([12], 1, 6) } },
  { op: 'Pow', opsets: all, feeds: { a: b4, b: random([4]) } },
  { op: 'Pow', opsets: all, feeds: { a: a34 }, stored: { b: scalarFloat(3) } },
  { op: 'Pow', opsets: [12, 15], feeds: { a: i32([6], -4, 4) }, stored: { b: floatsOf(2) } },
  { op: 'Mod', opsets: [10, 13], feeds: { a: i32([12], -20, 20), b: i32([12], 2, 6) } },
  { op: 'Mod', opsets: [10, 13], feeds: { a: i32([12], -20, 20), b: i32([12], 2, 6) }, attrs: { fmod: 1 } },
  { op: 'Mod', opsets: [13], feeds: { a: vector, b: random([3, 7], 'float32', 1, 2) }, attrs: { fmod: 1 } },
  ...['Min', 'Max', 'Sum', 'Mean'].map((op) => ({
    op,
    opsets: [8, 13],
    feeds: { a: a34, b: b4, c: scalarFloat(0.5) },
  })),
  ...['Greater', 'Less'].map((op) => ({ op, opsets: [9, 13], feeds: { a: a34, b: b4 } })),
  { op: 'Equal', opsets: [11, 13, 19], feeds: { a: i32([9], 0, 3), b: i32([9], 0, 3) } },
  ...['GreaterOrEqual', 'LessOrEqual'].map((op) => ({ op, opsets: [12, 16], feeds: { a: a34, b: b4 } })),
  ...['And', 'Or', 'Xor'].map((op) => ({
    op,
    opsets: [7],
    feeds: { a: flags([3, 4], 1), b: flags([4], 5) },
  })),
  ...['BitwiseAnd', 'BitwiseOr', 'BitwiseXor'].map((op) => ({
    op,
    opsets: [18],
    feeds: { a: i32([9], 0, 99), b: i32([9], 0, 50) },
  })),
  {
    op: 'BitShift',
    opsets: [11],
    feeds: { a: random([5], 'uint32', 0, 99), b: random([5], 'uint32', 0, 4) },
    attrs: { direction: 'LEFT' },
  },
  {
    op: 'BitShift',
    opsets: [11],
    feeds: { a: random([5], 'uint32', 0, 99), b: random([5], 'uint32', 0, 4) },
    attrs: { direction: 'RIGHT' },
  },
  { op: 'Where', opsets: [9, 16], feeds: { c: flags([3, 1], 3), a: a34, b: scalarFloat(9) } },
  ...[
    'Abs',
    'Neg',
    'Ceil',
    'Floor',
    'Exp',
    'Sin',
    'Cos',
    'Tan',
    'Sinh',
    'Cosh',
    'Atan',
    'Asinh',
    'Sign',
    'Erf',
    'Reciprocal',
    'Identity',
    'IsNaN',
  ].map((op) => ({
    op,
    opsets: op === 'Sign' || op === 'Erf' || op.endsWith('h') || op === 'IsNaN' ? [9, 13] : all,
    feeds: { x: vector },
  })),
  ...['Sqrt', 'Log'].map((op) => ({ op, opsets: all, feeds: { x: b4 } })),
  ...['Asin', 'Acos', 'Atanh'].map((op) => ({
    op,
    opsets: [9],
    feeds: { x: random([7], 'float32', -0.9, 0.9) },
  })),
  { op: 'Acosh', opsets: [9], feeds: { x: random([7], 'float32', 1, 5) } },
  { op: 'Not', opsets: [7], feeds: { x: flags([9], 2) } },
  { op: 'BitwiseNot', opsets: [18], feeds: { x: i32([9], -9, 9) } },
  { op: 'Round', opsets: [11], feeds: { x: floatsOf(0.5, 1.5, 2.5, -0.5, -1.5, 2.4999, 1e9, -7.5) } },
  {
    op: 'IsInf',
    opsets: [10, 20],
    feeds: { x: floatsOf(1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY) },
    attrs: { detect_negative: 0 },
  },
]

const cube = random([2, 3, 4])
const shape: Case[] = [
  { op: 'Shape', opsets: all, feeds: { x: cube } },
  { op: 'Shape', opsets: [15, 21], feeds: { x: cube }, attrs: { start: 1, end: -1 } },
  { op: 'Size', opsets: all, feeds: { x: cube } },
  { op: 'Reshape', opsets: all, feeds: { x: cube }, stored: { s: ints(0, -1) } },
  { op: 'Reshape', opsets: [14, 21], feeds: { x: cube }, stored: { s: ints(4, 6) }, attrs: { allowzero: 1 } },
  { op: 'Flatten', opsets: all, feeds: { x: cube }, attrs: { axis: 2 } },
  { op: 'Flatten', opsets: [11, 13], feeds: { x: cube }, attrs: { axis: -1 } },
  { op: 'Squeeze', opsets: [7, 11], feeds: { x: random([1, 3, 1]) }, attrs: { axes: [0] } },
  { op: 'Squeeze', opsets: [13, 21], feeds: { x: random([1, 3, 1]) }, stored: { axes: ints(-1) } },
  { op: 'Squeeze', opsets: [13], feeds: { x: random([1, 3, 1]) } },
  { op: 'Unsqueeze', opsets: [7, 11], feeds: { x: cube }, attrs: { axes: [0, 3] } },
  { op: 'Unsqueeze', opsets: [13, 21], feeds: { x: cube }, stored: { axes: ints(-1, 0) } },
  { op: 'Transpose', opsets: all, feeds: { x: cube }, attrs: { perm: [2, 0, 1] } },
  { op: 'Transpose', opsets: all, feeds: { x: cube } },
  { op: 'Expand', opsets: [8, 13], feeds: { x: random([3, 1]) }, stored: { s: ints(2, 1, 4) } },
  { op: 'Tile', opsets: all, feeds: { x: cube }, stored: { r: ints(1, 2, 3) } },
  { op: 'Tile', opsets: [13], feeds: { x: cube }, stored: { r: ints(2, 0, 1) } },
]

const indexing: Case[] = [
  { op: 'Concat', opsets: all, feeds: { a: cube, b: random([2, 1, 4]) }, attrs: { axis: 1 } },
  { op: 'Split', opsets: [7, 11], feeds: { x: cube }, attrs: { axis: 2, split: [1, 3] }, outputs: 2 },
  {
    op: 'Split',
    opsets: [13],
    feeds: { x: cube },
    stored: { s: ints(1, 3) },
    attrs: { axis: 2 },
    outputs: 2,
  },
  { op: 'Split', opsets: [18, 21], feeds: { x: cube }, attrs: { axis: 1, num_outputs: 2 }, outputs: 2 },
  { op: 'Slice', opsets: [7], feeds: { x: cube }, attrs: { starts: [0, -3], ends: [1, 99], axes: [0, 2] } },
  {
    op: 'Slice',
    opsets: [10, 13],
    feeds: { x: cube },
    stored: { starts: ints(1, -1), ends: ints(3, -99), axes: ints(1, 2), steps: ints(1, -2) },
  },
  { op: 'Slice', opsets: [13], feeds: { x: cube }, stored: { starts: ints(0, 1), ends: ints(2, 3) } },
  // Before the first element, backwards; and ends that mean "to the end" in either direction.
  ...[-99, 2 ** 31 - 1].map((end) => ({
    op: 'Slice',
    opsets: [13],
    feeds: { x: random([1, 4]) },
    stored: { starts: ints(-2, 3), ends: ints(-99, end), axes: ints(0, 1), steps: ints(-1, -2) },
  })),
  {
    op: 'Gather',
    opsets: all,
    feeds: { x: cube },
    stored: { i: tensor(BigInt64Array.of(2n, 0n, -1n, 1n), [2, 2]) },
    attrs: { axis: 1 },
  },
  { op: 'Gather', opsets: all, feeds: { x: cube, i: ints(1, -2) }, attrs: { axis: 2 } },
  { op: 'Gather', opsets: all, feeds: { x: cube }, stored: { i: scalarInt(1) } },
  {
    op: 'GatherElements',
    opsets: [11, 13],
    feeds: { x: random([3, 3]), i: tensor(BigInt64Array.of(1n, -2n, 0n, 2n, 0n, 0n), [2, 3]) },
  },
  {
    op: 'GatherElements',
    opsets: [11],
    feeds: { x: cube, i: tensor(BigInt64Array.of(-1n, 3n, 0n, 2n, 1n, 1n), [1, 2, 3]) },
    attrs: { axis: 2 },
  },
  {
    op: 'GatherND',
    opsets: [11, 13],
    feeds: { x: cube },
    stored: { i: tensor(BigInt64Array.of(0n, 1n, 1n, -1n), [2, 2]) },
  },
  {
    op: 'GatherND',
    opsets: [12],
    feeds: { x: cube },
    stored: { i: tensor(BigInt64Array.of(1n, 0n), [2, 1]) },
    attrs: { batch_dims: 1 },
  },
  {
    op: 'OneHot',
    opsets: [9, 11],
    feeds: { i: ints(1, -1, 3), v: floatsOf(2, 5) },
    stored: { d: scalarInt(4) },
    order: ['i', 'd', 'v'],
  },
  {
    op: 'OneHot',
    opsets: [11],
    feeds: { i: ints(1, 3) },
    stored: { d: scalarInt(4), v: floatsOf(0, 1) },
    attrs: { axis: 0 },
  },
  { op: 'ReverseSequence', opsets: [10], feeds: { x: random([4, 3]), l: ints(4, 2, 1) } },
]

const padding: Case[] = [
  {
    op: 'Pad',
    opsets: [7],
    feeds: { x: image },
    attrs: { pads: [0, 0, 1, 2, 0, 0, 0, 1], value: float(1.5) },
  },
  ...['reflect', 'edge', 'constant'].flatMap((mode): Case[] => [
    { op: 'Pad', opsets: [7], feeds: { x: image }, attrs: { pads: [0, 0, 1, 2, 0, 0, 3, 1], mode } },
    {
      op: 'Pad',
      opsets: [11, 13, 21],
      feeds: { x: image },
      stored: { p: ints(0, 0, 1, 2, 0, 0, 3, 1) },
      attrs: { mode },
    },
  ]),
  {
    op: 'Pad',
    opsets: [19],
    feeds: { x: image },
    stored: { p: ints(0, 0, 1, 2, 0, 0, 3, 1) },
    attrs: { mode: 'wrap' },
  },
  {
    op: 'Pad',
    opsets: [18],
    feeds: { x: cube },
    stored: { p: ints(1, 2), v: scalarFloat(3), axes: ints(-2) },
  },
  { op: 'Pad', opsets: [13], feeds: { x: cube }, stored: { p: ints(0, -1, 0, 0, 0, 2) } },
]

const softmax: Case[] = ['Softmax', 'LogSoftmax', 'Hardmax'].flatMap((op): Case[] => [
  { op, opsets: all, feeds: { x: vector } },
  { op, opsets: [7, 11], feeds: { x: cube }, attrs: { axis: 1 } },
  { op, opsets: [13, 21].slice(0, op === 'Hardmax' ? 1 : 2), feeds: { x: cube }, attrs: { axis: 1 } },
])

const reductionNames = ['Sum', 'Mean', 'Max', 'Min', 'Prod', 'L1', 'L2', 'SumSquare', 'LogSumExp']
const reduction: Case[] = [
  ...reductionNames.flatMap((name): Case[] => [
    { op: `Reduce${name}`, opsets: [7, 11], feeds: { x: cube }, attrs: { axes: [1], keepdims: 0 } },
    { op: `Reduce${name}`, opsets: [18], feeds: { x: cube }, stored: { axes: ints(-1, 0) } },
    { op: `Reduce${name}`, opsets: all, feeds: { x: cube } },
  ]),
  { op: 'ReduceLogSum', opsets: [11], feeds: { x: random([2, 3], 'float32', 1, 2) }, attrs: { axes: [0] } },
  { op: 'ReduceSum', opsets: [13], feeds: { x: cube }, stored: { axes: ints(1) } },
  { op: 'ReduceSum', opsets: [13], feeds: { x: cube }, attrs: { noop_with_empty_axes: 1 } },
  ...['ArgMax', 'ArgMin'].flatMap((op): Case[] => [
    { op, opsets: all, feeds: { x: cube }, attrs: { axis: 2, keepdims: 0 } },
    {
      op,
      opsets: [12, 13],
      feeds: { x: tensor(Float32Array.of(1, 2, 2, 1, 1, 2), [2, 3]) },
      attrs: { axis: 1, select_last_index: 1 },
    },
  ]),
]

const typed: Case[] = [
  ...[6, 7, 9, 11, 3, 2].map(
    (to): Case => ({ op: 'Cast', opsets: all, feeds: { x: random([9], 'float32', 0, 100) }, attrs: { to } }),
  ),
  { op: 'Cast', opsets: [13], feeds: { x: flags([5], 4) }, attrs: { to: 1 } },
  { op: 'CastLike', opsets: [15, 19], feeds: { x: vector }, stored: { like: ints(0) } },
  { op: 'EyeLike', opsets: [9], feeds: { x: random([3, 4]) }, attrs: { k: 1, dtype: 1 } },
  {
    op: 'Trilu',
    opsets: [14],
    feeds: { x: random([2, 4, 5]) },
    stored: { k: scalarInt(1) },
    attrs: { upper: 1 },
  },
  { op: 'Trilu', opsets: [14], feeds: { x: random([4, 5]) }, attrs: { upper: 0 } },
]

const resizing: Case[] = [
  {
    op: 'Upsample',
    opsets: [7],
    feeds: { x: image },
    attrs: { scales: floats(1, 1, 2, 3), mode: 'nearest' },
  },
  {
    op: 'Upsample',
    opsets: [9],
    feeds: { x: image },
    stored: { s: floatsOf(1, 1, 2, 2) },
    attrs: { mode: 'linear' },
  },
  {
    op: 'Resize',
    opsets: [11],
    feeds: { x: image },
    stored: { roi: floatsOf(), s: floatsOf(1, 1, 2, 0.5) },
    attrs: { mode: 'linear' },
  },
  { op: 'Resize', opsets: [10], feeds: { x: image }, stored: { s: floatsOf(1, 1, 2, 0.5) } },
  ...['half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric'].flatMap((coordinates): Case[] =>
    ['nearest', 'linear', 'cubic'].map((mode) => ({
      op: 'Resize',
      opsets: [13, 18, 19],
      feeds: { x: image },
      stored: { sizes: ints(1, 4, 13, 5) },
      order: ['x', '', '', 'sizes'],
      attrs: { mode, coordinate_transformation_mode: coordinates, nearest_mode: 'floor' },
    })),
  ),
  {
    op: 'Resize',
    opsets: [13],
    feeds: { x: image },
    stored: { s: floatsOf(1, 1, 0.6, 1.7) },
    order: ['x', '', 's'],
    attrs: { mode: 'linear' },
  },
  { op: 'DepthToSpace', opsets: all, feeds: { x: image }, attrs: { blocksize: 2 } },
  { op: 'DepthToSpace', opsets: [11, 13], feeds: { x: image }, attrs: { blocksize: 2, mode: 'CRD' } },
  { op: 'SpaceToDepth', opsets: all, feeds: { x: random([1, 2, 4, 6]) }, attrs: { blocksize: 2 } },
]

const u8 = (shape: number[], seed: number) => random(shape, 'uint8', 0, 255, seed)
const zero = tensor(Uint8Array.of(120), [])
const quantization: Case[] = [
  {
    op: 'QuantizeLinear',
    opsets: [10, 13, 19, 21],
    feeds: { x: vector },
    stored: { s: scalarFloat(0.03), z: zero },
  },
  {
    op: 'QuantizeLinear',
    opsets: [13],
    feeds: { x: a34 },
    stored: { s: random([4], 'float32', 0.01, 0.1), z: random([4], 'int8', -9, 9) },
    attrs: { axis: 1 },
  },
  {
    op: 'DequantizeLinear',
    opsets: [10, 13, 21],
    feeds: { x: u8([3, 4], 3) },
    stored: { s: scalarFloat(0.03), z: zero },
  },
  { op: 'DynamicQuantizeLinear', opsets: [11], feeds: { x: vector }, outputs: 3 },
  {
    op: 'ConvInteger',
    opsets: [10],
    feeds: { x: u8([1, 2, 5, 5], 5) },
    stored: { w: u8([3, 2, 3, 3], 6), zx: zero },
    attrs: { pads: [1, 1, 1, 1] },
  },
  {
    op: 'MatMulInteger',
    opsets: [10],
    feeds: { a: u8([3, 4], 7) },
    stored: { b: u8([4, 5], 8), za: zero, zb: tensor(Uint8Array.of(99), []) },
  },
]

const families = {
  convolution,
  pooling,
  normalization,
  activation,
  matrices,
  elementwise,
  shape,
  indexing,
  padding,
  softmax,
  reduction,
  typed,
  resizing,
  quantization,
}

describeFamilies(families)
