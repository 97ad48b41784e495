import { describe, test } from 'vitest'
import { call, type Expr } from '#lib/ir/relay.js'
import { type ConvCase, convolution, random, transposedConvolution } from './reference.js'
import { constantOf, expectClose, run } from './run.js'

const spatial = ['W', 'HW', 'DHW']

const forward: [string, ConvCase][] = [
  ['1-D', { data: [1, 8, 51], weight: [16, 8, 3], strides: [1], padding: [1, 1] }],
  ['1-D, stride 2, odd padding', { data: [2, 5, 40], weight: [12, 5, 9], strides: [2], padding: [4, 3] }],
  ['1-D, dilated', { data: [1, 8, 32], weight: [8, 8, 3], strides: [1], padding: [4, 0], dilation: [2] }],
  ['1-D, depthwise', { data: [1, 16, 20], weight: [16, 1, 5], strides: [1], padding: [2, 2], groups: 16 }],
  [
    '3-D',
    { data: [1, 3, 6, 7, 8], weight: [8, 3, 3, 3, 3], strides: [1, 2, 1], padding: [1, 1, 1, 1, 1, 1] },
  ],
  [
    '3-D, grouped',
    {
      data: [1, 4, 5, 5, 5],
      weight: [6, 2, 2, 3, 2],
      strides: [1, 1, 2],
      padding: [0, 1, 0, 1, 0, 1],
      groups: 2,
    },
  ],
  [
    '3-D, blocks of channels, no padding, batch 3',
    { data: [3, 16, 4, 5, 9], weight: [32, 16, 3, 3, 3], strides: [1, 1, 1], padding: [0, 0, 0, 0, 0, 0] },
  ],
  [
    '3-D, dilated',
    {
      data: [1, 8, 7, 6, 6],
      weight: [17, 8, 2, 3, 2],
      strides: [2, 1, 1],
      padding: [1, 2, 0, 1, 0, 1],
      dilation: [3, 2, 2],
    },
  ],
  [
    '3-D, 1x1x1, 17 channels to 3',
    { data: [1, 17, 3, 4, 4], weight: [3, 17, 1, 1, 1], strides: [1, 1, 1], padding: [0, 0, 0, 0, 0, 0] },
  ],
  [
    '3-D, stride wider than the kernel',
    { data: [1, 4, 7, 7, 7], weight: [8, 4, 1, 2, 2], strides: [3, 3, 3], padding: [0, 0, 0, 0, 0, 0] },
  ],
  [
    '3-D, depthwise',
    {
      data: [2, 16, 4, 5, 6],
      weight: [16, 1, 3, 3, 3],
      strides: [1, 1, 2],
      padding: [1, 1, 1, 1, 1, 1],
      groups: 16,
    },
  ],
  [
    '3-D, large enough for a padded copy of its own',
    { data: [1, 16, 3, 20, 20], weight: [16, 16, 3, 3, 3], strides: [1, 1, 1], padding: [1, 1, 1, 1, 1, 1] },
  ],
]

describe.each([3, 0])('optimisation level %i', (optLevel) => {
  test.each(forward)('%s', (_name, c) => {
    const { data, weight, strides, padding, groups = 1 } = c
    const dilation = c.dilation ?? strides.map(() => 1)
    const [x, w] = [random(data, 3), random(weight, 5)]
    const axes = spatial[strides.length - 1]
    const attrs = { strides, padding, dilation, groups, channels: weight[0], kernel_size: weight.slice(2) }
    const layouts = { data_layout: `NC${axes}`, kernel_layout: `OI${axes}` }
    const body = (input: Expr) =>
      call('nn.relu', [
        call(`nn.conv${strides.length}d`, [input, constantOf(w)], { ...attrs, ...layouts } as never),
      ])
    const wanted = convolution(x, w, { strides, padding, dilation, groups })
    expectClose(run([x], body, { optLevel }), { ...wanted, data: wanted.data.map((v) => Math.max(v, 0)) })
  })
})

const backward: [string, ConvCase][] = [
  ['1-D', { data: [1, 6, 10], weight: [6, 8, 4], strides: [2], padding: [1, 1] }],
  ['2-D, stride 1', { data: [1, 4, 6, 6], weight: [4, 8, 3, 3], strides: [1, 1], padding: [1, 1, 1, 1] }],
  ['2-D, stride 2', { data: [2, 8, 7, 7], weight: [8, 16, 4, 4], strides: [2, 2], padding: [1, 1, 1, 1] }],
  [
    '2-D, larger output',
    {
      data: [1, 3, 5, 5],
      weight: [3, 8, 3, 3],
      strides: [2, 3],
      padding: [1, 0, 1, 0],
      outputPadding: [1, 2],
    },
  ],
  [
    '2-D, cut more than the kernel reaches',
    { data: [1, 2, 6, 6], weight: [2, 4, 2, 2], strides: [2, 2], padding: [2, 2, 2, 2] },
  ],
  [
    '2-D, grouped',
    { data: [1, 6, 5, 5], weight: [6, 4, 3, 3], strides: [2, 2], padding: [1, 1, 1, 1], groups: 3 },
  ],
  [
    '3-D',
    { data: [1, 3, 3, 4, 4], weight: [3, 4, 2, 3, 3], strides: [2, 2, 1], padding: [0, 1, 1, 0, 1, 1] },
  ],
  [
    '3-D, grouped, batch 3',
    {
      data: [3, 4, 2, 3, 3],
      weight: [4, 3, 3, 2, 3],
      strides: [1, 2, 2],
      padding: [1, 0, 1, 1, 0, 0],
      groups: 2,
    },
  ],
  [
    '2-D, stride wider than the kernel',
    { data: [1, 16, 5, 4], weight: [16, 16, 2, 1], strides: [3, 4], padding: [0, 0, 0, 0] },
  ],
  [
    '2-D, kernel that the stride does not divide, batch 3, 17 channels',
    { data: [3, 17, 4, 5], weight: [17, 3, 5, 5], strides: [2, 3], padding: [2, 1, 1, 2] },
  ],
  [
    '2-D, 1 channel to 1',
    { data: [1, 1, 4, 4], weight: [1, 1, 3, 3], strides: [2, 2], padding: [0, 0, 0, 0] },
  ],
  [
    '2-D, output beyond the reach of the kernel',
    {
      data: [1, 3, 4, 4],
      weight: [3, 2, 2, 2],
      strides: [4, 4],
      padding: [0, 0, 0, 0],
      outputPadding: [3, 2],
    },
  ],
  [
    '2-D, a corner of what the kernel reaches',
    { data: [1, 4, 6, 6], weight: [4, 8, 3, 3], strides: [2, 2], padding: [0, 7, 8, 1] },
  ],
  [
    '2-D, depthwise',
    {
      data: [1, 16, 5, 5],
      weight: [16, 1, 4, 4],
      strides: [2, 2],
      padding: [1, 1, 1, 1],
      groups: 16,
    },
  ],
  [
    '1-D, depthwise, batch 2',
    { data: [2, 8, 9], weight: [8, 1, 3], strides: [2], padding: [1, 0], groups: 8, outputPadding: [1] },
  ],
  [
    '2-D, a single place',
    { data: [1, 8, 1, 1], weight: [8, 4, 4, 4], strides: [1, 1], padding: [0, 0, 0, 0] },
  ],
]

describe.each([3, 0])('transposed, optimisation level %i', (optLevel) => {
  test.each(backward)('%s', (_name, c) => checkTransposed(c, optLevel))
})

function checkTransposed(c: ConvCase, optLevel: number): void {
  const { data, weight, strides, padding, groups = 1, outputPadding = strides.map(() => 0) } = c
  const dilation = strides.map(() => 1)
  const [x, w] = [random(data, 3), random(weight, 5)]
  const axes = spatial[strides.length - 1]
  const attrs = {
    strides,
    padding,
    dilation,
    groups,
    output_padding: outputPadding,
    channels: (weight[1] as number) * groups,
    kernel_size: weight.slice(2),
    data_layout: `NC${axes}`,
    kernel_layout: `IO${axes}`,
  }
  const body = (input: Expr) =>
    call(`nn.conv${strides.length}d_transpose`, [input, constantOf(w)], attrs as never)
  expectClose(
    run([x], body, { optLevel }),
    transposedConvolution(x, w, { strides, padding, dilation, groups, outputPadding }),
  )
}
