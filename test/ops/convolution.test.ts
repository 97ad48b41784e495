import { describe, test } from 'vitest'
import { call, type Expr } from '#lib/ir/relay.js'
import { type Conv2dCase, convolution, random } from './reference.js'
import { constantOf, expectClose, run } from './run.js'

function check(
  c: Conv2dCase,
  epilogue: 'none' | 'bias-relu' | 'residual',
  options: { target?: string; optLevel?: number } = {},
) {
  const { strides = [1, 1], padding = [0, 0, 0, 0], dilation = [1, 1], groups = 1, kernel, filters } = c
  const data = random(c.data, 7)
  const weight = random([filters, c.data[1] / groups, ...kernel], 11)
  const wanted = convolution(data, weight, { strides, padding, dilation, groups })
  const attrs = { strides, padding, dilation, groups, channels: filters, kernel_size: kernel }
  const conv = (x: Expr) => call('nn.conv2d', [x, constantOf(weight)], attrs as never)
  if (epilogue === 'none') return expectClose(run([data], conv, options), wanted)
  if (epilogue === 'residual') {
    const other = random(wanted.shape, 13)
    const sum = {
      shape: wanted.shape,
      data: wanted.data.map((value, i) => value + (other.data[i] as number)),
    }
    return expectClose(
      run([data, other], (x, y) => call('add', [conv(x as Expr), y as Expr]), options),
      sum,
    )
  }
  const bias = random([filters], 17)
  const plane = (wanted.shape[2] as number) * (wanted.shape[3] as number)
  const clipped = wanted.data.map((value, i) =>
    Math.max(value + (bias.data[Math.floor(i / plane) % filters] as number), 0),
  )
  const body = (x: Expr) => call('nn.relu', [call('nn.bias_add', [conv(x), constantOf(bias)], { axis: 1 })])
  return expectClose(run([data], body, options), { shape: wanted.shape, data: clipped })
}

const same = [1, 1, 1, 1] as const
const cases: [string, Conv2dCase][] = [
  ['3x3, padded', { data: [1, 16, 12, 12], filters: 32, kernel: [3, 3], padding: same }],
  ['3x3, width that no tile divides', { data: [1, 8, 5, 13], filters: 16, kernel: [3, 3], padding: same }],
  ['3x3, stride 2', { data: [1, 16, 15, 15], filters: 16, kernel: [3, 3], strides: [2, 2], padding: same }],
  [
    'strides and padding differ by axis',
    { data: [1, 8, 9, 14], filters: 8, kernel: [3, 5], strides: [1, 3], padding: [0, 2, 1, 3] },
  ],
  ['dilated', { data: [1, 8, 14, 14], filters: 8, kernel: [3, 3], dilation: [2, 3], padding: [2, 3, 2, 3] }],
  ['1x1', { data: [1, 32, 7, 7], filters: 48, kernel: [1, 1] }],
  ['1x1, stride 2', { data: [1, 16, 9, 9], filters: 24, kernel: [1, 1], strides: [2, 2] }],
  ['1x1, padded', { data: [1, 8, 5, 5], filters: 8, kernel: [1, 1], padding: same }],
  ['batch 3', { data: [3, 8, 6, 6], filters: 8, kernel: [3, 3], padding: same }],
  ['3 channels', { data: [1, 3, 16, 16], filters: 8, kernel: [3, 3], padding: same }],
  ['1 channel to 1', { data: [2, 1, 8, 8], filters: 1, kernel: [3, 3], padding: same }],
  ['17 channels to 17', { data: [1, 17, 6, 6], filters: 17, kernel: [3, 3], padding: same }],
  ['17 channels to 3', { data: [1, 17, 6, 6], filters: 3, kernel: [3, 3] }],
  [
    'large kernel',
    { data: [1, 3, 23, 23], filters: 16, kernel: [7, 7], strides: [2, 2], padding: [3, 3, 3, 3] },
  ],
  ['kernel as large as the input', { data: [1, 8, 4, 4], filters: 16, kernel: [4, 4] }],
  [
    'single row',
    { data: [1, 16, 1, 51], filters: 16, kernel: [1, 9], padding: [0, 4, 0, 4], strides: [1, 2] },
  ],
  ['2 groups', { data: [1, 16, 8, 8], filters: 32, kernel: [3, 3], padding: same, groups: 2 }],
  ['groups of 3 channels', { data: [1, 12, 8, 8], filters: 8, kernel: [3, 3], padding: same, groups: 4 }],
  [
    'group of one channel, two filters each',
    { data: [1, 8, 8, 8], filters: 16, kernel: [3, 3], padding: same, groups: 8 },
  ],
  ['depthwise', { data: [1, 16, 12, 12], filters: 16, kernel: [3, 3], padding: same, groups: 16 }],
  [
    'depthwise, stride 2',
    { data: [1, 32, 13, 13], filters: 32, kernel: [3, 3], strides: [2, 2], padding: same, groups: 32 },
  ],
  [
    'depthwise, padded on one side',
    { data: [1, 8, 12, 12], filters: 8, kernel: [3, 3], strides: [2, 2], padding: [0, 0, 1, 1], groups: 8 },
  ],
  [
    'depthwise, dilated',
    { data: [1, 8, 12, 12], filters: 8, kernel: [3, 3], dilation: [2, 2], padding: [2, 2, 2, 2], groups: 8 },
  ],
  [
    'depthwise, 17 channels, batch 2',
    { data: [2, 17, 9, 9], filters: 17, kernel: [5, 5], padding: [2, 2, 2, 2], groups: 17 },
  ],
  [
    'depthwise, narrower than a tile',
    { data: [1, 16, 3, 2], filters: 16, kernel: [3, 3], padding: same, groups: 16 },
  ],
  [
    'depthwise, padding wider than the input',
    { data: [1, 8, 2, 2], filters: 8, kernel: [5, 5], padding: [4, 4, 4, 4], groups: 8 },
  ],
]

describe('blocked layouts', () => {
  test.each(cases)('%s', (_name, c) => check(c, 'none'))
  test.each(cases)('%s, with bias and relu', (_name, c) => check(c, 'bias-relu'))
})
test.each(cases.filter(([name]) => /^(3x3, padded|1x1$|17|2 groups|depthwise$)/.test(name)))(
  '%s, added to another tensor',
  (_name, c) => check(c, 'residual'),
)
test.each(cases)('plain layouts, as below level 3: %s', (_name, c) => check(c, 'bias-relu', { optLevel: 1 }))
test.each(['llvm', 'llvm -mcpu=x86-64-v2'])('other vector widths: %s', (target) => {
  for (const [, c] of cases.slice(0, 6)) check(c, 'bias-relu', { target })
})
