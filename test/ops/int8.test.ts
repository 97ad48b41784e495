import { setImmediate } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { call, constant, type Expr } from '#lib/ir/relay.js'
import type { Tensor } from '#lib/tensor.js'
import { type Conv2dCase, indices } from './reference.js'
import { attributesOf, bytes, convolution } from './reference-int8.js'
import { runsHere, runTensors } from './run.js'

/**
 * CPUs by the way they multiply bytes: in 128, 256 and 512 bits by pairs of 16 bits, by fours in 512 and in 256 bits; those
 * among them whose code this machine can run.
 */
const targets = [
  'llvm -mcpu=x86-64-v2',
  'llvm -mcpu=x86-64-v3',
  'llvm -mcpu=skylake-avx512',
  'llvm -mcpu=cascadelake',
  'llvm -mcpu=alderlake',
].filter(runsHere)

test('this machine runs some of them', () => {
  expect(targets).toContain('llvm -mcpu=x86-64-v2')
})

// Lets the worker answer the test runner between builds.
afterEach(() => setImmediate())

const same = [1, 1, 1, 1] as const
const cases: [string, Conv2dCase][] = [
  ['3x3, padded', { data: [1, 16, 9, 11], filters: 32, kernel: [3, 3], padding: same }],
  ['3x3, two blocks of filters', { data: [1, 8, 6, 19], filters: 96, kernel: [3, 3], padding: same }],
  ['1x1', { data: [1, 32, 5, 7], filters: 48, kernel: [1, 1] }],
  ['1x1, stride 2, batch 3', { data: [3, 16, 9, 9], filters: 24, kernel: [1, 1], strides: [2, 2] }],
  ['stride beyond the kernel', { data: [1, 8, 11, 13], filters: 16, kernel: [2, 2], strides: [3, 4] }],
  ['dilated', { data: [1, 8, 12, 12], filters: 8, kernel: [3, 3], dilation: [2, 3], padding: [2, 3, 2, 3] }],
  ['3 channels', { data: [1, 3, 12, 12], filters: 8, kernel: [3, 3], strides: [2, 2], padding: same }],
  [
    '1 channel, wide kernel',
    { data: [1, 1, 21, 10], filters: 64, kernel: [10, 4], strides: [2, 2], padding: [5, 1, 5, 1] },
  ],
  ['17 channels to 17', { data: [1, 17, 6, 6], filters: 17, kernel: [3, 3], padding: same }],
  ['20 channels to 36', { data: [2, 20, 4, 5], filters: 36, kernel: [3, 3] }],
  [
    'single row',
    { data: [1, 40, 1, 51], filters: 16, kernel: [1, 9], padding: [0, 4, 0, 4], strides: [1, 2] },
  ],
  ['2 groups', { data: [1, 16, 8, 8], filters: 32, kernel: [3, 3], padding: same, groups: 2 }],
  ['groups of 3 channels', { data: [1, 12, 6, 6], filters: 8, kernel: [3, 3], padding: same, groups: 4 }],
  ['depthwise', { data: [1, 32, 9, 9], filters: 32, kernel: [3, 3], padding: same, groups: 32 }],
  [
    'depthwise, stride 2',
    { data: [1, 64, 10, 10], filters: 64, kernel: [3, 3], strides: [2, 2], padding: same, groups: 64 },
  ],
  [
    'depthwise, 8 channels, dilated',
    { data: [1, 8, 9, 9], filters: 8, kernel: [3, 3], dilation: [2, 2], groups: 8 },
  ],
  [
    'depthwise, 17 channels, batch 2',
    { data: [2, 17, 7, 7], filters: 17, kernel: [5, 5], padding: [2, 2, 2, 2], groups: 17 },
  ],
]

describe.each(targets)('convolutions of bytes are exact on %s', (target) => {
  test.each(cases)('%s', (_name, c) => {
    const { groups = 1, kernel, filters } = c
    const data = bytes('uint8', c.data, 7)
    const weight = bytes('int8', [filters, c.data[1] / groups, ...kernel], 11)
    const attrs = attributesOf(c)
    const body = (x: Expr) => call('nn.conv2d', [x, constant(weight)], attrs as never)
    expect(runTensors([data], body, { target })[0]).toEqual(convolution(data, weight, c))
  })
})

function dense(data: Tensor, weight: Tensor): Tensor {
  const [rows, depth] = data.shape as [number, number]
  const [columns] = weight.shape as [number]
  const [x, w] = [data.data as Uint8Array, weight.data as Int8Array]
  const result = new Int32Array(rows * columns)
  for (const [i, j] of indices([rows, columns]) as Generator<[number, number]>) {
    let sum = 0
    for (let k = 0; k < depth; k++) sum += (x[i * depth + k] as number) * (w[j * depth + k] as number)
    result[i * columns + j] = sum
  }
  return { dtype: 'int32', shape: [rows, columns], data: result }
}

describe.each(targets)('dense layers of bytes are exact on %s', (target) => {
  test.each([
    [1, 128, 128],
    [1, 64, 12],
    [1, 30, 1000],
    [7, 33, 17],
    [16, 256, 96],
    [3, 8, 1],
  ])('%i x %i to %i', (rows, depth, columns) => {
    const data = bytes('uint8', [rows, depth], 3)
    const weight = bytes('int8', [columns, depth], 5)
    const body = (x: Expr) => call('nn.dense', [x, constant(weight)], { units: columns, out_dtype: 'int32' })
    expect(runTensors([data], body, { target })[0]).toEqual(dense(data, weight))
  })
})
