import { describe, expect, test } from 'vitest'
import { tensor } from '#lib/tensor.js'
import { type ModelDescription, onnxModel } from '../support/onnx-writer.js'
import { randomTensor as random } from '../support/random.js'
import type { Tensors } from '../support/run-onnx.js'
import { expectOpenAgrees } from '../support/run-open.js'

type Feeds = readonly Tensors[]
interface OpenCase {
  readonly name: string
  readonly op: string
  readonly opset?: number
  /** The first one's ranks and types are the model's. */
  readonly feeds: Feeds
  readonly stored?: Tensors
  readonly order?: readonly string[]
  readonly attrs?: Record<string, never> | object
  readonly outputs?: number
}

const ints = (...values: number[]) => tensor(BigInt64Array.from(values, BigInt))
const scalar = (value: number) => tensor(BigInt64Array.of(BigInt(value)), [])
const whole = (shape: number[], high: number, seed = 1) => random(shape, 'int64', 0, high, seed)
/** Few different numbers, of which some are 0. */
const coarse = (...shape: number[]) => {
  const x = random(shape, 'float32', 0, 3, 7)
  return { ...x, data: (x.data as Float32Array).map(Math.floor) }
}
const boxes = (count: number, seed = 1) => random([1, count, 4], 'float32', 0, 1, seed)
const scores = (count: number, seed = 1) => random([1, 2, count], 'float32', 0, 1, seed + 100)
const shapes = (...list: number[][]): Feeds => list.map((shape) => ({ x: random(shape) }))

const cases: OpenCase[] = [
  {
    name: 'by value',
    op: 'Reshape',
    feeds: [
      [6, 4],
      [-1, 2],
      [0, 4],
      [2, 12],
    ].map(([a = 0, b = 0]) => ({ x: random([6, 4]), s: ints(a, b) })),
  },
  { name: 'to a rest', op: 'Reshape', feeds: shapes([2, 3, 4], [5, 3, 4]), stored: { s: ints(0, -1) } },
  {
    name: 'that splits',
    op: 'Reshape',
    feeds: shapes([2, 6, 8], [3, 4, 8]),
    stored: { s: ints(0, 0, 2, 4) },
  },
  { name: 'open', op: 'Flatten', feeds: shapes([2, 3, 4], [5, 1, 2]) },
  { name: 'of all axes', op: 'Flatten', feeds: shapes([2, 3, 4], [5, 1, 2]), attrs: { axis: 2 } },
  {
    name: 'by value',
    op: 'Expand',
    feeds: [ints(2, 3, 4), ints(5, 1, 1), ints(1, 3, 2)].map((s) => ({ x: random([3, 1]), s })),
  },
  {
    name: 'by value',
    op: 'Tile',
    feeds: [ints(2, 3), ints(1, 2)].map((r, i) => ({ x: random([2, i + 2]), r })),
  },
  { name: 'open', op: 'Unsqueeze', feeds: shapes([2, 3], [4, 5]), stored: { a: ints(0, 2) } },
  { name: 'open', op: 'Squeeze', feeds: shapes([2, 1, 3], [4, 1, 5]), stored: { a: ints(1) } },
  { name: 'open', op: 'Shape', feeds: shapes([2, 1, 3], [4, 1, 5]) },
  { name: 'open', op: 'Size', feeds: shapes([2, 1, 3], [4, 1, 5]) },
  {
    name: 'by value',
    op: 'ConstantOfShape',
    feeds: [{ s: ints(2, 3) }, { s: ints(4, 1) }],
    attrs: { value: tensor(Float32Array.of(2.5)) },
  },
  {
    name: 'of integers',
    op: 'Range',
    feeds: [
      [0, 5, 1],
      [7, 0, -2],
      [3, 3, 1],
    ].map(([a = 0, b = 0, c = 0]) => ({ a: scalar(a), b: scalar(b), c: scalar(c) })),
  },
  {
    name: 'of numbers',
    op: 'Range',
    feeds: [
      [0, 1, 0.25],
      [1, -1, -0.3],
    ].map((list) => Object.fromEntries(list.map((v, i) => [`a${i}`, tensor(Float32Array.of(v), [])]))),
  },
  {
    name: 'forwards',
    op: 'Slice',
    feeds: shapes([7, 6], [4, 6], [2, 6]),
    stored: { s: ints(1, -3), e: ints(-1, 1000), a: ints(0, 1) },
  },
  {
    name: 'backwards',
    op: 'Slice',
    feeds: shapes([7, 6], [4, 6]),
    stored: { s: ints(-1), e: ints(-1000), a: ints(0), t: ints(-2) },
  },
  {
    name: 'by value',
    op: 'Slice',
    feeds: [
      [1, 5],
      [-3, 100],
      [4, 2],
    ].map(([a = 0, b = 0]) => ({ x: random([6, 3]), s: ints(a), e: ints(b) })),
    stored: { a: ints(0) },
  },
  {
    name: 'open',
    op: 'Split',
    opset: 18,
    feeds: shapes([7, 2], [5, 2]),
    attrs: { num_outputs: 3 },
    outputs: 3,
  },
  {
    name: 'of given sizes',
    op: 'Split',
    feeds: shapes([7, 2], [7, 5]),
    stored: { s: ints(2, 5) },
    outputs: 2,
  },
  {
    name: 'open',
    op: 'Concat',
    feeds: [2, 5].map((n) => ({ x: random([n, 3]), y: random([n + 1, 3]) })),
    attrs: { axis: 0 },
  },
  { name: 'open', op: 'Gather', feeds: [3, 6].map((n) => ({ x: random([n, 4]), i: whole([2, n], 3) })) },
  {
    name: 'from the end',
    op: 'Gather',
    feeds: shapes([3, 4], [6, 2]),
    stored: { i: tensor(BigInt64Array.of(-1n), []) },
    attrs: { axis: 1 },
  },
  {
    name: 'open',
    op: 'GatherElements',
    feeds: [3, 6].map((n) => ({ x: random([n, 4]), i: whole([n, 2], 3) })),
    attrs: { axis: 1 },
  },
  { name: 'open', op: 'GatherND', feeds: [3, 6].map((n) => ({ x: random([n, 4, 2]), i: whole([n, 2], 3) })) },
  {
    name: 'open',
    op: 'ScatterElements',
    feeds: [3, 6].map((n) => ({
      x: random([n, 4]),
      i: tensor(BigInt64Array.from([0, 1, 2, 3].slice(0, 3), BigInt), [1, 3]),
      u: random([1, 3]),
    })),
    attrs: { axis: 1 },
  },
  {
    name: 'open',
    op: 'ScatterND',
    feeds: [3, 6].map((n) => ({
      x: random([n, 4]),
      i: tensor(BigInt64Array.of(0n, 2n), [2, 1]),
      u: random([2, 4]),
    })),
  },
  {
    name: 'by value',
    op: 'OneHot',
    feeds: [4, 6].map((n) => ({ i: whole([n], 4), d: ints(n), v: tensor(Float32Array.of(-1, 5)) })),
  },
  { name: 'open', op: 'CumSum', feeds: shapes([3, 4], [6, 2]), stored: { a: scalar(0) } },
  { name: 'open', op: 'TopK', feeds: shapes([3, 8], [5, 20]), stored: { k: ints(4) }, outputs: 2 },
  { name: 'by value', op: 'TopK', feeds: [2, 5].map((k) => ({ x: random([3, 9]), k: ints(k) })), outputs: 2 },
  { name: 'open', op: 'NonZero', feeds: [coarse(3, 4), coarse(7, 2)].map((x) => ({ x })) },
  {
    name: 'flat',
    op: 'Compress',
    feeds: [5, 9].map((n) => ({ x: random([n]), c: random([n], 'bool', 0, 2, n) })),
  },
  {
    name: 'along an axis',
    op: 'Compress',
    feeds: [5, 9].map((n) => ({ x: random([2, n]), c: random([n], 'bool', 0, 2, n) })),
    attrs: { axis: 1 },
  },
  { name: 'sorted', op: 'Unique', feeds: [coarse(9), coarse(20), coarse(1)].map((x) => ({ x })), outputs: 4 },
  {
    name: 'by appearance',
    op: 'Unique',
    feeds: [coarse(3, 4), coarse(5, 2)].map((x) => ({ x })),
    attrs: { sorted: 0 },
    outputs: 4,
  },
  {
    name: 'open',
    op: 'NonMaxSuppression',
    feeds: [6, 30].map((n) => ({ b: boxes(n), s: scores(n) })),
    stored: { m: ints(4), o: tensor(Float32Array.of(0.3)), l: tensor(Float32Array.of(0.2)) },
  },
  {
    name: 'of centres',
    op: 'NonMaxSuppression',
    feeds: [6, 30].map((n) => ({ b: boxes(n), s: scores(n), m: ints(20) })),
    stored: { o: tensor(Float32Array.of(0.1)) },
    attrs: { center_point_box: 1 },
  },
  { name: 'of an open axis', op: 'Softmax', feeds: shapes([3, 4], [6, 9]) },
  { name: 'of the first axis', op: 'Softmax', feeds: shapes([3, 4, 2], [6, 9, 2]), attrs: { axis: 0 } },
  { name: 'of the older rules', op: 'Softmax', opset: 11, feeds: shapes([3, 4, 2], [6, 9, 2]) },
  { name: 'open', op: 'LogSoftmax', feeds: shapes([3, 4], [6, 9]) },
  ...['ReduceMean', 'ReduceMax', 'ReduceSumSquare', 'ReduceLogSumExp'].map((op) => ({
    name: 'open',
    op,
    opset: 13,
    feeds: shapes([3, 4, 2], [6, 9, 5]),
    attrs: { axes: [1], keepdims: 0 },
  })),
  { name: 'open', op: 'ArgMax', feeds: shapes([3, 4], [6, 9]), attrs: { axis: 1 } },
  { name: 'open', op: 'Transpose', feeds: shapes([3, 4, 2], [6, 9, 5]), attrs: { perm: [2, 0, 1] } },
  {
    name: 'of matrices',
    op: 'MatMul',
    feeds: [
      [2, 3, 4],
      [5, 7, 2],
    ].map(([a = 0, b = 0, c = 0]) => ({ x: random([a, b]), y: random([b, c]) })),
  },
  {
    name: 'of batches',
    op: 'MatMul',
    feeds: [
      [2, 3, 4],
      [5, 7, 2],
    ].map(([a = 0, b = 0, c = 0]) => ({ x: random([2, a, b, c]), y: random([a, c, b]) })),
  },
  {
    name: 'with a vector',
    op: 'MatMul',
    feeds: [
      [2, 3, 4],
      [5, 7, 2],
    ].map(([a = 0, b = 0, c = 0]) => ({ x: random([a, b, c]), y: random([c]) })),
  },
  {
    name: 'with weights',
    op: 'MatMul',
    feeds: shapes([2, 5, 16], [3, 1, 16]),
    stored: { w: random([16, 12]) },
  },
  {
    name: 'open',
    op: 'Gemm',
    feeds: shapes([2, 16], [7, 16]),
    stored: { w: random([12, 16]), b: random([12]) },
    attrs: { transB: 1 },
  },
  {
    name: 'of open images',
    op: 'Conv',
    feeds: shapes([1, 4, 9, 11], [2, 4, 16, 7]),
    stored: { w: random([6, 4, 3, 3]) },
    attrs: { pads: [1, 1, 1, 1], strides: [2, 1] },
  },
  {
    name: 'depthwise',
    op: 'Conv',
    feeds: shapes([1, 8, 9, 11], [2, 8, 16, 7]),
    stored: { w: random([8, 1, 3, 3]), b: random([8]) },
    attrs: { group: 8, pads: [1, 1, 1, 1] },
  },
  {
    name: 'dilated',
    op: 'Conv',
    feeds: shapes([1, 4, 19], [2, 4, 26]),
    stored: { w: random([6, 4, 3]) },
    attrs: { dilations: [2] },
  },
  {
    name: 'open',
    op: 'ConvTranspose',
    feeds: shapes([1, 4, 5, 6], [2, 4, 3, 8]),
    stored: { w: random([4, 6, 3, 3]) },
    attrs: { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1] },
  },
  {
    name: 'open',
    op: 'MaxPool',
    feeds: shapes([1, 4, 9, 11], [2, 4, 16, 7]),
    attrs: { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] },
  },
  {
    name: 'open',
    op: 'AveragePool',
    feeds: shapes([1, 4, 9, 11], [2, 4, 16, 7]),
    attrs: { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] },
  },
  { name: 'open', op: 'GlobalAveragePool', feeds: shapes([1, 4, 9, 11], [2, 4, 16, 7]) },
  {
    name: 'open',
    op: 'BatchNormalization',
    feeds: shapes([1, 4, 9, 11], [2, 4, 3, 7]),
    stored: { s: random([4]), b: random([4]), m: random([4]), v: random([4], 'float32', 0.5, 2) },
  },
  {
    name: 'open',
    op: 'LayerNormalization',
    feeds: shapes([1, 4, 16], [2, 9, 16]),
    stored: { s: random([16]), b: random([16]) },
  },
  {
    name: 'open',
    op: 'InstanceNormalization',
    feeds: shapes([1, 4, 9], [2, 4, 5]),
    stored: { s: random([4]), b: random([4]) },
  },
  {
    name: 'of any extents',
    op: 'Add',
    feeds: [
      [2, 3],
      [1, 3],
      [2, 1],
    ].map(([a = 0, b = 0]) => ({ x: random([2, 3]), y: random([a, b]) })),
  },
  {
    name: 'of any extents',
    op: 'Where',
    feeds: [
      [2, 3],
      [1, 3],
      [2, 1],
    ].map(([a = 0, b = 0]) => ({ c: random([2, 3], 'bool', 0, 2), x: random([2, 3]), y: random([a, b]) })),
  },
  { name: 'open', op: 'Trilu', feeds: shapes([3, 4], [5, 2]) },
  {
    name: 'open',
    op: 'Clip',
    feeds: shapes([3, 4], [5, 2]),
    stored: { l: tensor(Float32Array.of(-1), []), h: tensor(Float32Array.of(1), []) },
  },
  ...(['constant', 'reflect'] as const).map((mode) => ({
    name: `in mode ${mode}, by value`,
    op: 'Pad',
    opset: 19,
    feeds: [
      [1, 2, 0, 3],
      [2, 0, 1, 1],
    ].map((p, i) => ({ x: random([4 + i, 5]), p: ints(...p) })),
    attrs: { mode },
  })),
  {
    name: 'that cuts off, with a value',
    op: 'Pad',
    feeds: shapes([5, 6], [7, 3]),
    stored: { p: ints(-1, 1, 2, -1), v: tensor(Float32Array.of(2.5), []) },
  },
  {
    name: 'of given axes',
    op: 'Pad',
    opset: 18,
    feeds: [ints(1, 0), ints(2, 3)].map((p, i) => ({ x: random([2, 4 + i, 3]), p })),
    stored: { v: tensor(Float32Array.of(1), []), a: ints(1) },
  },
  ...(
    [
      ['nearest', 'asymmetric', 'floor'],
      ['linear', 'half_pixel', 'round_prefer_floor'],
      ['linear', 'align_corners', 'round_prefer_floor'],
      ['cubic', 'half_pixel', 'round_prefer_floor'],
    ] as const
  ).map(([mode, coordinate, nearest]) => ({
    name: `${mode} ${coordinate}, to sizes that are computed`,
    op: 'Resize',
    feeds: [
      [7, 5],
      [1, 9],
    ].map(([h = 0, w = 0], i) => ({ x: random([1, 2, 4 + i, 5]), s: ints(1, 2, h, w) })),
    order: ['x', '', '', 's'],
    attrs: { mode, coordinate_transformation_mode: coordinate, nearest_mode: nearest },
  })),
  {
    name: 'by scales, of open images',
    op: 'Resize',
    feeds: shapes([1, 2, 4, 5], [2, 2, 7, 3]),
    stored: { s: tensor(Float32Array.of(1, 1, 2, 1.5)) },
    order: ['x', '', 's'],
    attrs: { mode: 'linear' },
  },
  {
    name: 'by scales that are computed',
    op: 'Resize',
    feeds: [
      [2, 0.5],
      [1.3, 3],
    ].map(([a = 0, b = 0], i) => ({ x: random([1, 2, 4 + i, 6]), s: tensor(Float32Array.of(1, 1, a, b)) })),
    order: ['x', '', 's'],
  },
  {
    name: 'to sizes, of open images',
    op: 'Resize',
    feeds: shapes([1, 2, 4, 5], [2, 2, 7, 3]),
    stored: { s: ints(8, 6) },
    order: ['x', '', '', 's'],
    opset: 18,
    attrs: { mode: 'linear', axes: [2, 3] },
  },
  {
    name: 'of open images, SAME_UPPER',
    op: 'Conv',
    feeds: shapes([1, 4, 9, 11], [2, 4, 16, 6]),
    stored: { w: random([6, 4, 3, 3]) },
    attrs: { auto_pad: 'SAME_UPPER', strides: [2, 3] },
  },
  {
    name: 'of open images, SAME_LOWER',
    op: 'Conv',
    feeds: shapes([1, 4, 9, 11], [2, 4, 16, 6]),
    stored: { w: random([6, 4, 3, 3]) },
    attrs: { auto_pad: 'SAME_LOWER', strides: [2, 3] },
  },
  {
    name: 'of open images, SAME_UPPER',
    op: 'MaxPool',
    feeds: shapes([1, 4, 9, 11], [2, 4, 16, 6]),
    attrs: { kernel_shape: [3, 2], auto_pad: 'SAME_UPPER', strides: [2, 2] },
  },
  {
    name: 'of open images, SAME_LOWER',
    op: 'AveragePool',
    feeds: shapes([1, 4, 9, 11], [2, 4, 16, 6]),
    attrs: { kernel_shape: [3, 3], auto_pad: 'SAME_LOWER', strides: [2, 2] },
  },
  {
    name: 'of open images, SAME_UPPER',
    op: 'ConvTranspose',
    feeds: shapes([1, 4, 5, 6], [2, 4, 3, 8]),
    stored: { w: random([4, 6, 3, 3]) },
    attrs: { strides: [2, 2], auto_pad: 'SAME_UPPER' },
  },
  ...['MaxPool', 'AveragePool'].map((op) => ({
    name: 'rounded up',
    op,
    feeds: shapes([1, 4, 9, 12], [2, 4, 16, 7]),
    attrs: { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 },
  })),
  {
    name: 'to a given shape',
    op: 'ConvTranspose',
    feeds: shapes([1, 4, 5, 6], [2, 4, 5, 7]),
    stored: { w: random([4, 6, 3, 3]) },
    attrs: { strides: [2, 2], output_shape: [10, 12] },
  },
  ...['LSTM', 'GRU', 'RNN'].map((op, i) => {
    const gates = [4, 3, 1][i] as number
    return {
      name: 'of an open length and batch, both ways, to given ends',
      op,
      feeds: [
        [5, 2],
        [1, 1],
        [9, 3],
      ].map(([length = 0, batch = 0]) => ({
        x: random([length, batch, 3]),
        l: tensor(Int32Array.from({ length: batch }, (_, n) => Math.max(length - n, 1))),
        h: random([2, batch, 4]),
      })),
      stored: {
        w: random([2, gates * 4, 3], 'float32', -1, 1, 1),
        r: random([2, gates * 4, 4], 'float32', -1, 1, 2),
        b: random([2, gates * 8], 'float32', -1, 1, 3),
      },
      order: ['x', 'w', 'r', 'b', 'l', 'h'],
      attrs: { hidden_size: 4, direction: 'bidirectional' },
      outputs: op === 'LSTM' ? 3 : 2,
    }
  }),
  {
    name: 'of an open batch',
    op: 'LSTM',
    feeds: [2, 5].map((batch) => ({ x: random([3, batch, 3]) })),
    stored: { w: random([1, 16, 3]), r: random([1, 16, 4]) },
    attrs: { hidden_size: 4 },
    outputs: 3,
  },
  { name: 'open', op: 'HardSwish', feeds: shapes([3, 4], [5, 2]) },
]

/** A model of one node whose inputs leave every dimension open, but for those that the operator's weights fix. */
function modelOf({
  op,
  opset = 17,
  feeds,
  stored = {},
  order,
  attrs = {},
  outputs = 1,
}: OpenCase): Uint8Array {
  const [first = {}, ...rest] = feeds
  const names = Array.from({ length: outputs }, (_, i) => `y${i}`)
  const description = {
    opset,
    nodes: [{ op, inputs: order ?? [...Object.keys(first), ...Object.keys(stored)], outputs: names, attrs }],
    inputs: Object.fromEntries(
      Object.entries(first).map(([name, { dtype, shape }]) => {
        const varies = shape.map((dim, axis) => rest.some((each) => each[name]?.shape[axis] !== dim))
        return [name, { dtype, shape: shape.map((dim, axis) => (varies[axis] ? undefined : dim)) }]
      }),
    ),
    outputs: names,
    initializers: stored,
  }
  return onnxModel(description as unknown as ModelDescription)
}

describe('operators on open extents agree with ONNX Runtime', () => {
  test.each(cases.map((each) => [`${each.op} ${each.name}`, each] as const))('%s', async (_name, each) => {
    expect(each.feeds.length).toBeGreaterThan(1)
    await expectOpenAgrees(modelOf(each), each.feeds)
  })
})
