import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openLibrary } from '#lib/runtime/index.js'
import { type DType, elementCount, type Tensor, tensor } from '#lib/tensor.js'
import { type NodeDescription, onnxModel } from '../support/onnx-writer.js'
import { runHere, runReference } from '../support/run-onnx.js'

beforeAll(() => {
  openLibrary()
})
// Lets the worker answer the test runner between builds.
afterEach(() => setImmediate())

/** Reproducible numbers in [0, 1). */
function draw(count: number, seed: number): number[] {
  let state = seed
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  })
}
const floats = (shape: readonly number[], seed: number, scale = 1) =>
  tensor(
    Float32Array.from(draw(elementCount(shape), seed), (x) => (x * 2 - 1) * scale),
    shape,
  )
const scalar = (x: number) => tensor(Float32Array.of(x), [])
function integers(dtype: 'int8' | 'uint8', shape: readonly number[], seed: number): Tensor {
  const low = dtype === 'int8' ? -128 : 0
  const values = draw(elementCount(shape), seed).map((x) => low + Math.floor(x * 256))
  return tensor(dtype === 'int8' ? Int8Array.from(values) : Uint8Array.from(values), shape)
}
const zeroOf = (dtype: DType, value: number) =>
  tensor(dtype === 'int8' ? Int8Array.of(value) : Uint8Array.of(value), [])

/** Writes a network that quantises and dequantises around its operators, as ONNX Runtime's quantiser does. */
class Qdq {
  readonly nodes: NodeDescription[] = []
  readonly initializers: Record<string, Tensor> = {}

  constructor(readonly dtype: 'int8' | 'uint8') {}

  store(value: Tensor): string {
    const name = `c${Object.keys(this.initializers).length}`
    this.initializers[name] = value
    return name
  }
  node(op: string, inputs: readonly string[], attrs: NodeDescription['attrs'] = {}): string {
    const output = `t${this.nodes.length}`
    this.nodes.push({ op, inputs, outputs: [output], attrs })
    return output
  }
  quantize(x: string, scale: number, zero: number): string {
    return this.node('QuantizeLinear', [x, this.store(scalar(scale)), this.store(zeroOf(this.dtype, zero))])
  }
  dequantize(x: string, scale: number, zero: number): string {
    return this.node('DequantizeLinear', [x, this.store(scalar(scale)), this.store(zeroOf(this.dtype, zero))])
  }
  around(x: string, scale: number, zero: number): string {
    return this.dequantize(this.quantize(x, scale, zero), scale, zero)
  }
  /** Weights with a scale a channel, or one in all, along axis 0. */
  weight(
    shape: readonly number[],
    scales: readonly number[],
    dtype: 'int8' | 'uint8' = 'int8',
    zero = 0,
  ): string {
    const [length] = shape as [number]
    const each = scales.length > 1
    const values = each ? tensor(Float32Array.from(scales), [length]) : scalar(scales[0] as number)
    const zeros = each ? tensor(new Int8Array(length), [length]) : zeroOf(dtype, zero)
    return this.node(
      'DequantizeLinear',
      [this.store(integers(dtype, shape, 77)), this.store(values), this.store(zeros)],
      each ? { axis: 0 } : {},
    )
  }
  bias(length: number, scales: readonly number[]): string {
    const values = Int32Array.from(draw(length, 5), (x) => Math.round((x - 0.5) * 4000))
    const each = scales.length > 1
    const zeros = tensor(new Int32Array(each ? length : 1), each ? [length] : [])
    const scale = each ? tensor(Float32Array.from(scales), [length]) : scalar(scales[0] as number)
    return this.node(
      'DequantizeLinear',
      [this.store(tensor(values, [length])), this.store(scale), this.store(zeros)],
      each ? { axis: 0 } : {},
    )
  }
  model(input: readonly number[], output: string): Uint8Array {
    return onnxModel({
      opset: 17,
      inputs: { x: { dtype: 'float32', shape: input } },
      nodes: this.nodes,
      outputs: [output],
      initializers: this.initializers,
    })
  }
}

async function compare(model: Uint8Array, x: Tensor, step: number) {
  const [own, reference] = [runHere(model, { x }), await runReference(model, { x })]
  const [name] = Object.keys(reference) as [string]
  const [a, b] = [own[name] as Tensor, reference[name] as Tensor]
  expect(a.shape).toEqual([...b.shape])
  const steps = Array.from(a.data as Float32Array, (value, i) =>
    Math.round(Math.abs(value - ((b.data as Float32Array)[i] as number)) / step),
  )
  return {
    worst: Math.max(...steps),
    different: steps.filter((each) => each > 0).length,
    count: steps.length,
  }
}

interface ConvCase {
  readonly input: readonly number[]
  readonly filters: number
  readonly kernel: readonly number[]
  readonly attrs?: NodeDescription['attrs']
  readonly groups?: number
  readonly perChannel?: boolean
  readonly zero?: number
  readonly weightType?: 'int8' | 'uint8'
  readonly weightZero?: number
  readonly relu?: boolean
}
const convolutions: [string, ConvCase][] = [
  ['3x3', { input: [1, 16, 9, 9], filters: 32, kernel: [3, 3], attrs: { pads: [1, 1, 1, 1] } }],
  [
    '3x3, a scale each channel, then relu',
    {
      input: [1, 3, 12, 12],
      filters: 8,
      kernel: [3, 3],
      perChannel: true,
      relu: true,
      attrs: { strides: [2, 2], pads: [1, 1, 1, 1] },
    },
  ],
  [
    'zero point within the range',
    { input: [2, 8, 7, 7], filters: 17, kernel: [3, 3], zero: 37, attrs: { pads: [1, 1, 1, 1] } },
  ],
  ['1x1', { input: [3, 17, 5, 5], filters: 24, kernel: [1, 1], perChannel: true, zero: -9 }],
  [
    'weights with a zero point',
    {
      input: [1, 12, 6, 6],
      filters: 16,
      kernel: [3, 3],
      weightType: 'uint8',
      weightZero: 121,
      zero: 3,
      attrs: { pads: [1, 1, 1, 1] },
    },
  ],
  [
    'depthwise',
    {
      input: [1, 16, 8, 8],
      filters: 16,
      groups: 16,
      kernel: [3, 3],
      perChannel: true,
      zero: 5,
      attrs: { pads: [1, 1, 1, 1], group: 16 },
    },
  ],
  [
    'depthwise weights with a zero point',
    {
      input: [1, 8, 8, 8],
      filters: 8,
      groups: 8,
      kernel: [3, 3],
      weightType: 'uint8',
      weightZero: 99,
      attrs: { group: 8 },
    },
  ],
  [
    'groups',
    {
      input: [1, 16, 6, 6],
      filters: 8,
      groups: 2,
      kernel: [3, 3],
      perChannel: true,
      zero: 11,
      attrs: { group: 2 },
    },
  ],
  [
    'one dimension',
    { input: [1, 40, 51], filters: 24, kernel: [9], perChannel: true, attrs: { strides: [2], pads: [4, 4] } },
  ],
]

describe.each(['int8', 'uint8'] as const)(
  '%s: convolutions agree with ONNX Runtime to the last bit',
  (dtype) => {
    test.each(convolutions)('%s', async (_name, c) => {
      const { zero = 0, groups = 1, weightType = 'int8', weightZero = 0 } = c
      // ONNX Runtime takes unsigned weights for unsigned data only.
      if (weightType === 'uint8' && dtype === 'int8') return
      const at = dtype === 'int8' ? zero : zero + 128
      const net = new Qdq(dtype)
      const scales = c.perChannel
        ? draw(c.filters, 3).map((x) => Math.fround(0.002 + x * 0.01))
        : [Math.fround(0.0071)]
      const input = Math.fround(0.013)
      const shape = [c.filters, (c.input[1] as number) / groups, ...c.kernel]
      const parts = [
        net.around('x', input, at),
        net.weight(shape, scales, weightType, weightZero),
        net.bias(
          c.filters,
          scales.map((scale) => Math.fround(scale * input)),
        ),
      ]
      const sums = net.node('Conv', parts, c.attrs)
      const step = Math.fround(0.09)
      const low = dtype === 'int8' ? -128 : 0
      const output = net.around(c.relu ? net.node('Relu', [sums]) : sums, step, c.relu ? low : at)
      const result = await compare(net.model(c.input, output), floats(c.input, 9, 1.8), step)
      expect(result).toMatchObject({ worst: 0, different: 0 })
    })
  },
)

/** Networks of other operators; the step is that of their last quantisation. */
const networks: [string, (net: Qdq) => { input: readonly number[]; output: string; step: number }][] = [
  [
    'dense layer with a scale each column',
    (net) => {
      const scales = draw(12, 3).map((x) => Math.fround(0.002 + x * 0.01))
      const input = Math.fround(0.013)
      const bias = net.bias(
        12,
        scales.map((scale) => Math.fround(scale * input)),
      )
      const sums = net.node('Gemm', [net.around('x', input, 7), net.weight([12, 33], scales), bias], {
        transB: 1,
      })
      return { input: [5, 33], output: net.around(sums, 0.1, -3 + 20), step: 0.1 }
    },
  ],
  [
    'matrix product of three dimensions',
    (net) => {
      const sums = net.node('MatMul', [net.around('x', 0.013, 7), net.weight([24, 10], [0.008])])
      return { input: [2, 3, 24], output: net.around(sums, 0.1, 17), step: 0.1 }
    },
  ],
  [
    'product of two computed matrices',
    (net) => {
      const left = net.around('x', 0.013, 7)
      const right = net.around(net.node('Transpose', ['x'], { perm: [0, 2, 1] }), 0.011, 19)
      return {
        input: [3, 6, 10],
        output: net.around(net.node('MatMul', [left, right]), 0.05, 17),
        step: 0.05,
      }
    },
  ],
  [
    'sum of tensors with different scales',
    (net) => {
      const left = net.around('x', 0.013, 7)
      const right = net.around(net.node('Sigmoid', ['x']), 0.004, 3)
      return {
        input: [1, 8, 5, 5],
        output: net.around(net.node('Add', [left, right]), 0.017, 23),
        step: 0.017,
      }
    },
  ],
  [
    'largest of windows, mean, flattened',
    (net) => {
      const pooled = net.node('MaxPool', [net.around('x', 0.013, 7)], {
        kernel_shape: [2, 2],
        strides: [2, 2],
      })
      const mean = net.node('GlobalAveragePool', [net.around(pooled, 0.013, 7)])
      const flat = net.node('Flatten', [net.around(mean, 0.009, 40)])
      return { input: [1, 16, 8, 8], output: net.around(flat, 0.009, 40), step: 0.009 }
    },
  ],
  [
    'joined tensors',
    (net) => {
      const parts = [net.around('x', 0.013, 7), net.around(net.node('Tanh', ['x']), 0.008, 3)]
      return {
        input: [1, 8, 5, 5],
        output: net.around(net.node('Concat', parts, { axis: 1 }), 0.013, 7),
        step: 0.013,
      }
    },
  ],
  [
    'clipped between quantisations',
    (net) => {
      const sums = net.node('Conv', [net.around('x', 0.013, 7), net.weight([16, 8, 1, 1], [0.008])])
      const low = net.store(scalar(0))
      const clipped = net.node('Clip', [sums, low, net.store(scalar(6))])
      return {
        input: [1, 8, 6, 6],
        output: net.around(clipped, Math.fround(6 / 255), net.dtype === 'int8' ? -128 : 0),
        step: 6 / 255,
      }
    },
  ],
  [
    'softmax at the end',
    (net) => {
      const sums = net.node('MatMul', [net.around('x', 0.013, 7), net.weight([24, 10], [0.008])])
      const probabilities = net.node('Softmax', [net.around(sums, 0.1, 17)], { axis: 1 })
      return {
        input: [4, 24],
        output: net.around(probabilities, 1 / 256, net.dtype === 'int8' ? -128 : 0),
        step: 1 / 256,
      }
    },
  ],
]

describe.each(['int8', 'uint8'] as const)(
  '%s: other operators stay within a step of ONNX Runtime',
  (dtype) => {
    test.each(networks)('%s', async (_name, build) => {
      const net = new Qdq(dtype)
      const { input, output, step } = build(net)
      const { worst, different, count } = await compare(net.model(input, output), floats(input, 9, 1.8), step)
      expect(worst).toBeLessThanOrEqual(1)
      expect(different / count).toBeLessThan(0.01)
    })
  },
)

/** Operators of quantised tensors by themselves; `x` and `y` are inputs of bytes. */
describe.each(['int8', 'uint8'] as const)(
  '%s: operators of quantised tensors agree with ONNX Runtime',
  (dtype) => {
    const zero = (value: number) => zeroOf(dtype, dtype === 'int8' ? value - 128 : value)
    const image = [1, 6, 6, 8]
    const grid = (name: string, scale: number, at: number) => ({
      [`${name}s`]: scalar(scale),
      [`${name}z`]: zero(at),
    })
    const stored = { ...grid('x', 0.02, 120), ...grid('y', 0.013, 90), ...grid('o', 0.0317, 100) }
    const cases: [string, NodeDescription & { x: number[]; y?: number[]; more?: Record<string, Tensor> }][] =
      [
        [
          'add',
          {
            op: 'QLinearAdd',
            inputs: ['x', 'xs', 'xz', 'y', 'ys', 'yz', 'os', 'oz'],
            outputs: ['o'],
            x: image,
            y: image,
          },
        ],
        [
          'multiply',
          {
            op: 'QLinearMul',
            inputs: ['x', 'xs', 'xz', 'y', 'ys', 'yz', 'os', 'oz'],
            outputs: ['o'],
            x: image,
            y: image,
          },
        ],
        [
          'join',
          {
            op: 'QLinearConcat',
            inputs: ['os', 'oz', 'x', 'xs', 'xz', 'y', 'ys', 'yz'],
            outputs: ['o'],
            attrs: { axis: 1 },
            x: image,
            y: image,
          },
        ],
        [
          'mean of all places',
          {
            op: 'QLinearGlobalAveragePool',
            inputs: ['x', 'xs', 'xz', 'os', 'oz'],
            outputs: ['o'],
            attrs: { channels_last: 0 },
            x: image,
          },
        ],
        [
          'mean of all places, channels last',
          {
            op: 'QLinearGlobalAveragePool',
            inputs: ['x', 'xs', 'xz', 'os', 'oz'],
            outputs: ['o'],
            attrs: { channels_last: 1 },
            x: image,
          },
        ],
        [
          'mean of windows',
          {
            op: 'QLinearAveragePool',
            inputs: ['x', 'xs', 'xz', 'os', 'oz'],
            outputs: ['o'],
            attrs: { kernel_shape: [2, 2] },
            x: image,
          },
        ],
        [
          'sigmoid',
          { op: 'QLinearSigmoid', inputs: ['x', 'xs', 'xz', 'os', 'oz'], outputs: ['o'], x: [3, 20] },
        ],
        [
          'leaky relu',
          { op: 'QLinearLeakyRelu', inputs: ['x', 'xs', 'xz', 'os', 'oz'], outputs: ['o'], x: [3, 20] },
        ],
        [
          'softmax',
          {
            op: 'QLinearSoftmax',
            inputs: ['x', 'xs', 'xz', 'os', 'oz'],
            outputs: ['o'],
            attrs: { axis: -1, opset: 13 },
            x: [3, 20],
            more: grid('o', 1 / 256, 0),
          },
        ],
        [
          'matrix product with a bias',
          {
            op: 'QGemm',
            inputs: ['x', 'xs', 'xz', 'w', 'ys', 'yz', 'bias', 'os', 'oz'],
            outputs: ['o'],
            attrs: { transB: 1 },
            x: [3, 20],
            more: {
              w: integers(dtype, [7, 20], 8),
              bias: tensor(
                Int32Array.from(draw(7, 2), (v) => Math.round(v * 900)),
                [7],
              ),
            },
          },
        ],
      ]
    test.each(cases)('%s', async (_name, { x, y, more = {}, ...node }) => {
      const feeds: Record<string, Tensor> = {
        x: integers(dtype, x, 21),
        ...(y ? { y: integers(dtype, y, 22) } : {}),
      }
      const all: Record<string, Tensor> = { ...stored, ...more }
      const used = Object.entries(all).filter(([name]) => node.inputs.includes(name))
      const model = onnxModel({
        opset: 17,
        domains: { 'com.microsoft': 1 },
        inputs: Object.fromEntries(
          Object.entries(feeds).map(([name, { shape }]) => [name, { dtype, shape }]),
        ),
        nodes: [{ ...node, domain: 'com.microsoft' }],
        outputs: ['o'],
        initializers: Object.fromEntries(used),
      })
      const [own, reference] = [runHere(model, feeds), await runReference(model, feeds)]
      const [a, b] = [own.o as Tensor, reference.o as Tensor]
      expect(a.shape).toEqual([...b.shape])
      const want = Array.from(b.data as Uint8Array)
      const steps = Array.from(a.data as Uint8Array, (value, i) => Math.abs(value - (want[i] as number)))
      expect(Math.max(...steps)).toBeLessThanOrEqual(1)
      expect(steps.filter((each) => each > 0).length / steps.length).toBeLessThan(0.02)
    })
  },
)
