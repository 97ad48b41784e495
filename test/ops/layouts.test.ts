import { describe, expect, test } from 'vitest'
import { compile } from '#lib/compile/compile.js'
import { optimize } from '#lib/compile/optimize.js'
import { IRModule } from '#lib/ir/module.js'
import { call, type Expr, func, variable } from '#lib/ir/relay.js'
import { target } from '#lib/ir/target.js'
import { withPassContext } from '#lib/ir/transform.js'
import { desiredLayoutsSchema } from '#lib/ops/desired-layouts.js'
import { registerOperators } from '#lib/ops/register.js'
import { openLibrary } from '#lib/runtime/index.js'
import { network } from '../support/artifacts.js'
import { type ConvCase, convolution, random, transposedConvolution } from './reference.js'
import { constantOf, expectClose, run } from './run.js'

const images: [string, ConvCase][] = [
  ['plain', { data: [1, 8, 9, 7], weight: [16, 8, 3, 3], strides: [1, 1], padding: [1, 1, 1, 1] }],
  [
    'odd channels, stride 2',
    { data: [2, 3, 11, 6], weight: [17, 3, 3, 2], strides: [2, 1], padding: [0, 1, 2, 0] },
  ],
  ['one channel', { data: [1, 1, 5, 5], weight: [1, 1, 2, 2], strides: [1, 1], padding: [0, 0, 0, 0] }],
  [
    'grouped',
    { data: [1, 12, 6, 6], weight: [6, 4, 3, 3], strides: [1, 1], padding: [1, 1, 1, 1], groups: 3 },
  ],
  [
    'depthwise',
    { data: [3, 16, 8, 8], weight: [16, 1, 3, 3], strides: [1, 1], padding: [1, 1, 1, 1], groups: 16 },
  ],
  [
    'depthwise, two filters a channel',
    { data: [1, 5, 6, 6], weight: [10, 1, 3, 3], strides: [2, 2], padding: [1, 1, 1, 1], groups: 5 },
  ],
  [
    'dilated',
    { data: [1, 4, 12, 12], weight: [8, 4, 3, 3], strides: [1, 1], padding: [2, 2, 2, 2], dilation: [2, 3] },
  ],
  [
    'stride wider than the kernel',
    { data: [1, 6, 9, 9], weight: [4, 6, 1, 1], strides: [3, 3], padding: [0, 0, 0, 0] },
  ],
]
const signals: [string, ConvCase][] = [
  ['plain', { data: [1, 8, 51], weight: [16, 8, 3], strides: [1], padding: [1, 1] }],
  ['odd', { data: [2, 5, 40], weight: [7, 5, 9], strides: [2], padding: [4, 3] }],
  ['depthwise', { data: [1, 16, 20], weight: [16, 1, 5], strides: [1], padding: [2, 2], groups: 16 }],
]
const volumes: [string, ConvCase][] = [
  [
    'plain',
    { data: [1, 3, 6, 7, 8], weight: [8, 3, 3, 3, 3], strides: [1, 2, 1], padding: [1, 1, 1, 1, 1, 1] },
  ],
]

describe.each(['llvm -mcpu=native', 'llvm -mcpu=x86-64'])('for %s', (name) => {
  test.each([
    ...images.map((each) => ['nn.conv2d', ['NHWC', 'default'], ...each] as const),
    ...images.map((each) => ['nn.conv2d', ['NHWC', 'OHWI'], ...each] as const),
    ...images.slice(0, 2).map((each) => ['nn.conv2d', ['HWNC', 'HWOI'], ...each] as const),
    ...signals.map((each) => ['nn.conv1d', ['NWC', 'OWI'], ...each] as const),
    ...signals.map((each) => ['nn.conv1d', ['NWC', 'default'], ...each] as const),
    ...volumes.map((each) => ['nn.conv3d', ['NDHWC', 'default'], ...each] as const),
  ])('%s in %j: %s', (op, layouts, _what, c) => {
    const { data, weight, strides, padding, groups = 1 } = c
    const dilation = c.dilation ?? strides.map(() => 1)
    const [x, w] = [random(data, 3), random(weight, 5)]
    const attrs = { strides, padding, dilation, groups, channels: weight[0], kernel_size: weight.slice(2) }
    const axes = 'DHW'.slice(-strides.length)
    const body = (input: Expr) =>
      call('nn.relu', [
        call(op, [input, constantOf(w)], {
          ...attrs,
          data_layout: `NC${axes}`,
          kernel_layout: `OI${axes}`,
        } as never),
      ])
    const got = run([x], body, { target: name, desiredLayouts: { [op]: layouts } })
    const { shape, data: sums } = convolution(x, w, { strides, padding, dilation, groups })
    expectClose(got, { shape, data: sums.map((value) => Math.max(value, 0)) })
  })
})

test.each([
  ['NHWC', 'default'],
  ['NHWC', 'HWOI'],
])('nn.conv2d_transpose in %s, %s', (...layouts) => {
  const [x, w] = [random([1, 6, 5, 4], 3), random([6, 3, 3, 2], 5)]
  const options = {
    strides: [2, 3],
    padding: [1, 0, 1, 1],
    dilation: [1, 1],
    groups: 1,
    outputPadding: [1, 0],
  }
  const { outputPadding, ...rest } = options
  const attrs = { ...rest, output_padding: outputPadding, channels: 3, kernel_size: [3, 2] }
  const body = (input: Expr) =>
    call('nn.conv2d_transpose', [input, constantOf(w)], {
      ...attrs,
      data_layout: 'NCHW',
      kernel_layout: 'IOHW',
    } as never)
  const got = run([x], body, { desiredLayouts: { 'nn.conv2d_transpose': layouts } })
  expectClose(got, transposedConvolution(x, w, options))
})

test('two convolutions and the pooling between them have one change of layout at each end', () => {
  openLibrary()
  registerOperators()
  const convolve = (input: Expr, seed: number) =>
    call('nn.conv2d', [input, constantOf(random([8, 8, 3, 3], seed))], {
      ...{
        strides: [1, 1],
        padding: [1, 1, 1, 1],
        dilation: [1, 1],
        groups: 1,
        channels: 8,
        kernel_size: [3, 3],
      },
      ...{ data_layout: 'NCHW', kernel_layout: 'OIHW' },
    } as never)
  const x = variable('x', [1, 8, 8, 8], 'float32')
  const pooled = call('nn.max_pool2d', [call('nn.relu', [convolve(x, 1)])], {
    ...{ pool_size: [2, 2], strides: [2, 2], dilation: [1, 1], padding: [0, 0, 0, 0], layout: 'NCHW' },
  } as never)
  const native = target('llvm -mcpu=native')
  const mod = withPassContext({ optLevel: 3 }, () =>
    optimize(IRModule.fromFunction(func([x], convolve(pooled, 2))), native, 3, {
      desiredLayouts: { 'qnn.conv2d': ['NHWC', 'default'] },
    }),
  )
  const text = String(mod)
  expect(text.match(/layout_transform\(/g)).toHaveLength(2)
  expect(text.match(/data_layout="NHWC", kernel_layout="HWIO"/g)).toHaveLength(2)
  expect(text).toMatch(/nn\.max_pool2d\(.*layout="NHWC"/)
})

test.each([
  [{ 'nn.conv2d': ['NHWC', 'default'] }, undefined],
  [{ 'nn.dense': ['NC'] }, /nn.dense.*no layout can be asked for; operators are nn.conv1d/s],
  [{ 'nn.conv2d': ['NWC'] }, /'NWC', not an order of NCHW/],
  [{ 'nn.conv1d': ['NWC', 'HWIO'] }, /the kernel's layout is 'HWIO', not an order of OIW/],
  [{ 'nn.max_pool2d': ['NHWC', 'HWIO'] }, /not 'default'/],
])('%j is taken or refused', (layouts, refused) => {
  const { success, error } = desiredLayoutsSchema.safeParse(layouts)
  expect(success).toBe(refused === undefined)
  if (refused) expect(JSON.stringify(error)).toMatch(refused)
})

test('a network in layouts of choice gives what it gave', { timeout: 120_000 }, async () => {
  const { model } = network('ic_resnet8')
  const options = { cache: false, verify: true, desiredLayouts: { 'nn.conv2d': ['NHWC', 'default'] } }
  await using artifact = await compile(model, options)
  expect(artifact.verification?.outputs.map(({ mismatch }) => mismatch)).toEqual([null])
  await expect(compile(model, { desiredLayouts: { 'nn.conv2d': ['NN'] } })).rejects.toMatchObject({
    code: 'ERR_INVALID_ARGUMENT',
    message: expect.stringContaining('NN'),
  })
})
