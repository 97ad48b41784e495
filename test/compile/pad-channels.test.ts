import { expect, test } from 'vitest'
import { call, constant, type Expr, tuple } from '#lib/ir/relay.js'
import { NDArray } from '#lib/runtime/index.js'
import { type Array32, random } from '../ops/reference.js'
import { expectClose, run } from '../ops/run.js'

const TARGET = { target: 'llvm -mcpu=skylake-avx512' }

function weight(shape: readonly number[], seed: number): Expr {
  const { data } = random(shape, seed)
  return constant(NDArray.from({ dtype: 'float32', shape, data }))
}
/** A convolution with constant weights and as many outputs as asked for. */
function conv(x: Expr, inputs: number, outputs: number, kernel: number, attrs = {}): Expr {
  const shape = [outputs, inputs, kernel, kernel]
  const padding = [kernel >> 1, kernel >> 1, kernel >> 1, kernel >> 1]
  const common = { channels: outputs, kernel_size: [kernel, kernel], padding }
  return call('nn.conv2d', [x, weight(shape, outputs + kernel)], { ...common, ...attrs })
}
const bias = (channels: number, rank = 4) =>
  weight(rank === 4 ? [1, channels, 1, 1] : [channels], channels + 1)

/** Level 0 neither pads nor alters layouts. */
function expectSame(input: Array32, body: (x: Expr) => Expr): void {
  const padded = run([input], body as never, TARGET)
  expectClose(padded, run([input], body as never, { ...TARGET, optLevel: 0 }))
  expect(padded.data.every(Number.isFinite)).toBe(true)
}

const networks: Record<string, (x: Expr) => Expr> = {
  'a chain that ends in pooling': (x) => {
    const a = call('nn.relu', [call('nn.bias_add', [conv(x, 3, 58, 3), bias(58, 1)], { axis: 1 })])
    const b = call('sigmoid', [call('add', [conv(a, 58, 116, 1), bias(116)])])
    return call('nn.global_avg_pool2d', [call('nn.max_pool2d', [b], { pool_size: [2, 2], strides: [2, 2] })])
  },
  'a depthwise convolution between': (x) => {
    const a = call('clip', [conv(x, 3, 58, 1)], { a_min: 0, a_max: 0.5 } as never)
    const b = conv(a, 1, 58, 3, { groups: 58 })
    return conv(call('multiply', [b, bias(58)]), 58, 32, 1)
  },
  'residuals, wide and narrow': (x) => {
    const a = conv(x, 3, 58, 3)
    const b = call('add', [a, conv(call('nn.relu', [a]), 58, 58, 3)])
    const plain = call('concatenate', [tuple([x, b])], { axis: 1 })
    return call('multiply', [b, call('sigmoid', [call('nn.global_avg_pool2d', [conv(plain, 61, 58, 1)])])])
  },
  'an operator that looks at channels': (x) =>
    call('nn.softmax', [call('transpose', [conv(x, 3, 29, 3)], { axes: [0, 2, 3, 1] })], { axis: -1 }),
  'a classifier': (x) => {
    const flat = call('nn.batch_flatten', [call('nn.global_avg_pool2d', [conv(x, 3, 29, 3)])])
    const hidden = call('nn.relu', [call('nn.dense', [flat, weight([45, 29], 5)], { units: 45 })])
    const scores = call('nn.dense', [hidden, weight([1000, 45], 6)], { units: 1000 })
    return call('nn.softmax', [call('nn.bias_add', [scores, bias(1000, 1)], { axis: -1 })], { axis: -1 })
  },
  'one division by what has no zeros': (x) =>
    call('divide', [conv(x, 3, 58, 3), call('exp', [conv(x, 3, 58, 1)])]),
}

test.each(Object.keys(networks))('%s', (name) => {
  expectSame(random([3, 3, 9, 11]), networks[name] as (x: Expr) => Expr)
})
