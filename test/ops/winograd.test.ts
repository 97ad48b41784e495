import { describe, expect, test } from 'vitest'
import { optimizeRelay } from '#lib/compile/build.js'
import { Call, call, type Expr, func, Op, variable } from '#lib/ir/relay.js'
import { rewrite } from '#lib/ir/rewrite.js'
import { target } from '#lib/ir/target.js'
import { winogradMatrices } from '#lib/ir/winograd.js'
import { winogradTile } from '#lib/ops/cpu/winograd.js'
import { openLibrary } from '#lib/runtime/index.js'
import { convolution, random } from './reference.js'
import { constantOf, expectClose, run } from './run.js'

const AVX512 = 'llvm -mcpu=skylake-avx512'
const AVX2 = 'llvm -mcpu=x86-64-v3'

test.each([2, 3, 4])('F(%i, 3) is a filter of three taps', (m) => {
  const { output, input, filter } = winogradMatrices(m, 3)
  const times = (matrix: readonly (readonly number[])[], values: readonly number[]) =>
    matrix.map((row) => row.reduce((sum, factor, i) => sum + factor * (values[i] as number), 0))
  const [data, taps] = [Array.from(random([m + 2], 3).data), Array.from(random([3], 5).data)]
  const [x, g] = [times(input, data), times(filter, taps)]
  const result = times(
    output,
    x.map((value, i) => value * (g[i] as number)),
  )
  for (const [i, value] of result.entries()) {
    const wanted = taps.reduce((sum, tap, k) => sum + tap * (data[i + k] as number), 0)
    expect(value).toBeCloseTo(wanted, 12)
  }
})

interface Case {
  /** [batch, channels, height, width] */
  readonly data: readonly [number, number, number, number]
  readonly filters: number
  readonly padding: readonly [number, number, number, number]
}
const same = [1, 1, 1, 1] as const
const cases: [string, Case][] = [
  ['whole tiles', { data: [1, 32, 16, 16], filters: 32, padding: same }],
  ['tiles that reach beyond the result', { data: [1, 64, 13, 15], filters: 32, padding: same }],
  ['no borders', { data: [1, 32, 18, 18], filters: 64, padding: [0, 0, 0, 0] }],
  ['different borders, batch 3', { data: [3, 32, 9, 10], filters: 32, padding: [0, 2, 1, 0] }],
]

function operators(shape: readonly number[], body: (x: Expr) => Expr, mcpu = AVX512): string[] {
  openLibrary()
  const x = variable('x', shape, 'float32')
  const names: string[] = []
  rewrite(optimizeRelay(func([x], body(x)), target(mcpu)).lookup(), (expr) => {
    if (expr instanceof Call && expr.op instanceof Op) names.push(expr.op.name)
    return expr
  })
  return names
}
const isWinograd = (name: string) => /winograd/.test(name)

describe.each([AVX512, AVX2])('on %s', (mcpu) => {
  test.each(cases)('%s', (_name, { data, filters, padding }) => {
    const [x, w, b] = [
      random(data, 7),
      random([filters, data[1], 3, 3], 11),
      random([1, filters, 1, 1], 13),
    ] as const
    const conv = (input: Expr) =>
      call('nn.conv2d', [input, constantOf(w)], { padding, channels: filters, kernel_size: [3, 3] })
    const body = (input: Expr) => call('nn.relu', [call('add', [conv(input), constantOf(b)])])
    expect(operators(data, body, mcpu).filter(isWinograd)).toHaveLength(1)
    const wanted = convolution(x, w, { strides: [1, 1], padding, dilation: [1, 1], groups: 1 })
    const plane = (wanted.shape[2] as number) * (wanted.shape[3] as number)
    const done = wanted.data.map((value, i) =>
      Math.max(value + (b.data[Math.floor(i / plane) % filters] as number), 0),
    )
    expectClose(run([x], body, { target: mcpu }), { shape: wanted.shape, data: done }, 2e-5)
    const flat = (input: Expr) => call('nn.batch_flatten', [conv(input)])
    const [n, ...rest] = wanted.shape as [number, ...number[]]
    const shape = [n, rest.reduce((product, extent) => product * extent, 1)]
    expectClose(run([x], flat, { target: mcpu }), { shape, data: wanted.data }, 2e-5)
  })
})

test('what it does not fit stays a plain convolution', () => {
  const conv = (attrs: object, shape: readonly number[]) => (x: Expr) =>
    call('nn.conv2d', [x, constantOf(random(shape, 3))], {
      channels: shape[0],
      kernel_size: shape.slice(2),
      ...attrs,
    } as never)
  const data = [1, 64, 32, 32]
  const others = [
    conv({ strides: [2, 2] }, [64, 64, 3, 3]),
    conv({ dilation: [2, 2] }, [64, 64, 3, 3]),
    conv({ groups: 2 }, [64, 32, 3, 3]),
    conv({}, [64, 64, 5, 5]),
    (x: Expr) =>
      call('nn.conv2d', [x, call('reshape', [x], { newshape: [64, 64, 4, 4] })], {
        channels: 64,
        kernel_size: [4, 4],
      }),
  ]
  for (const body of others) expect(operators(data, body).some(isWinograd)).toBe(false)
  expect(operators(data, conv({}, [64, 64, 3, 3])).filter(isWinograd)).toHaveLength(1)
})

test('weights that outweigh what is saved are left as they are', () => {
  const layer = (channels: number, extent: number) =>
    winogradTile({ batch: 1, inputs: channels, filters: channels, height: extent, width: extent })
  expect(layer(64, 56)).toBe(4)
  expect(layer(512, 7)).toBeUndefined()
  expect(layer(512, 2)).toBeUndefined()
})
