import { describe, expect, test } from 'vitest'
import { target } from '#lib/ir/target.js'
import { registerOperators } from '#lib/ops/register.js'
import { openLibrary } from '#lib/runtime/index.js'
import { annotateSpace } from '#lib/schedule-config/annotate-space.js'
import type { Config } from '#lib/schedule-config/config.js'
import { ConfigSpace } from '#lib/schedule-config/config-space.js'
import { orderSpace } from '#lib/schedule-config/order-space.js'
import { splitSpace } from '#lib/schedule-config/split-space.js'
import { configSpace, instantiate } from '#lib/schedule-config/template.js'
import { tensorPlainArg as tensor } from '#lib/schedule-config/workload.js'

// Orders, lengths and configurations by index were taken from TVM 0.18's Python (python/tvm/autotvm/task/space.py).

function values(space: ConfigSpace, index: number) {
  return space
    .get(index)
    .toPlain()
    .entity.map(([, , value]) => value)
}

test.each([
  [56, [32, 1, 2, 4, 7, 8, 14, 16, 56, 28]],
  [100, [32, 1, 2, 64, 4, 5, 100, 8, 10, 16, 50, 20, 25]],
  [16, [1, 2, 4, 8, 16]],
  [1, [1]],
])('verbose splits of %i come in the order of a Python set', (length, factors) => {
  expect(splitSpace(length, { policy: 'verbose' })).toEqual(
    factors.map((factor) => ({ kind: 'sp', factors: [-1, factor] })),
  )
})

test('the second factor of a split runs fastest', () => {
  const factors = splitSpace(12, { outputs: 3 }).map((entity) => entity.kind === 'sp' && entity.factors)
  expect(factors).toHaveLength(18)
  expect(factors.slice(0, 7)).toEqual([
    [-1, 1, 1],
    [-1, 2, 1],
    [-1, 3, 1],
    [-1, 4, 1],
    [-1, 6, 1],
    [-1, 12, 1],
    [-1, 1, 2],
  ])
})

test.each([
  ['largest factor', { maxFactor: 4 }, [1, 2, 3, 4]],
  ['powers of two that leave a tail', { policy: 'power2' as const }, [1, 2, 4, 8]],
  ['powers of two that leave none', { policy: 'power2' as const, noTail: true }, [1, 2, 4]],
  [
    'a filter',
    { filter: ({ factors }: { factors: readonly number[] }) => factors[1] !== 6 },
    [1, 2, 3, 4, 12],
  ],
])('splits of 12 with %s', (_what, options, factors) => {
  expect(splitSpace(12, options)).toEqual(factors.map((factor) => ({ kind: 'sp', factors: [-1, factor] })))
})

test('a filter that leaves nothing is refused when the knob is defined', () => {
  const space = new ConfigSpace()
  expect(() => space.defineSplit('x', 8, { filter: () => false })).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_CONFIG' }),
  )
})

test('annotations: one vector at most, the first axis slowest', () => {
  expect(annotateSpace(2, 'try_unroll').map((e) => e.kind === 'an' && e.marks)).toEqual([
    ['none', 'none'],
    ['none', 'unroll'],
    ['unroll', 'none'],
    ['unroll', 'unroll'],
  ])
  expect(annotateSpace(3, 'try_unroll_vec')).toHaveLength(20)
  expect(annotateSpace(4, 'bind_gpu').map((e) => e.kind === 'an' && e.marks)).toEqual([
    ['blockIdx.y', 'blockIdx.x', 'threadIdx.y', 'threadIdx.x'],
  ])
  expect(
    annotateSpace(3, { policy: 'locate_cache', anchors: 2 }).map((e) => e.kind === 'an' && e.marks),
  ).toEqual([
    [0, 1],
    [0, 2],
    [1, 2],
  ])
  expect(() => annotateSpace(1, 'try_nothing')).toThrow('try_nothing')
})

test('orders', () => {
  const orders = (count: number, policy: Parameters<typeof orderSpace>[1]) =>
    orderSpace(count, policy).map((entity) => entity.kind === 're' && entity.order)
  expect(orders(3, { policy: 'all' })[3]).toEqual([1, 2, 0])
  expect(orders(12, { policy: 'interval_all', interval: [6, 11] })).toHaveLength(120)
  expect(orders(3, { policy: 'identity' })).toEqual([[0, 1, 2]])
  expect(
    orders(6, {
      policy: 'interleave',
      spatial: [
        [0, 1],
        [2, 3],
      ],
      reduce: [[4, 5]],
    }),
  ).toEqual([[0, 2, 4, 1, 3, 5]])
})

const bitserial = (config: Config) => {
  const filter = ({ factors }: { factors: readonly number[] }) => (factors[1] as number) <= 16
  config.defineSplit('tile_co', 64, { filter })
  config.defineSplit('tile_oh', 56, { filter })
  config.defineSplit('tile_ow', 56, { filter })
  config.defineAnnotate('ann_reduce', 4, 'try_unroll')
  config.defineReorder('reorder_0', 12, { policy: 'interval_all', interval: [6, 11] })
  config.defineSplit('tile_ah', 58 - 58 + 4, { maxFactor: 32 })
}
const spatialPack = (config: Config) => {
  config.defineSplit('tile_co', 128)
  config.defineSplit('tile_oh', 56)
  config.defineSplit('tile_ow', 56)
  const identity = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
  config.defineReorder('reorder_0', 10, {
    policy: 'candidate',
    candidates: [identity, [0, 1, 2, 3, 4, 5, 6, 9, 7, 8]],
  })
  config.defineAnnotate('ann_reduce', 2, 'try_unroll')
  config.defineAnnotate('ann_spatial', 3, 'try_unroll_vec')
}
const documented = (config: Config) => {
  config.defineSplit('tile_y', 8)
  config.defineSplit('tile_x', 12, { outputs: 3 })
  config.defineSplit('tile_k', 10)
  config.defineReorder('ord', 3, { policy: 'all' })
}
test.each([
  [
    'conv2d_nchw_spatial_pack.arm_cpu',
    spatialPack,
    81_920,
    54_321,
    [
      [-1, 2],
      [-1, 28],
      [-1, 1],
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
      ['none', 'unroll'],
      ['unroll', 'unroll', 'vec'],
    ],
  ],
  [
    'three knobs and an order',
    documented,
    4 * 18 * 4 * 6,
    12,
    [
      [-1, 1],
      [-1, 4, 1],
      [-1, 1],
      [0, 1, 2],
    ],
  ],
] as const)('%s', (_name, define, length, index, expected) => {
  const space = new ConfigSpace()
  define(space)
  expect(space.length).toBe(length)
  expect(values(space, index)).toEqual(expected)
  expect(space.indexOf(space.digits(index))).toBe(index)
  expect(space.find(space.get(index))).toBe(index)
})

test('knobs of bit-serial convolutions', () => {
  const space = new ConfigSpace()
  bitserial(space)
  expect(space.dims.slice(0, 5)).toEqual([5, 6, 6, 16, 120])
})

test('indices beyond the space are refused, restricted ones are invalid', () => {
  const space = new ConfigSpace()
  space.defineKnob('a', [1, 2, 3])
  space.restrict((config) => config.value('a') !== 2)
  expect([0, 1, 2].map((index) => space.isValid(index))).toEqual([true, false, true])
  expect(() => space.get(3)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_CONFIG' }))
  expect(() => space.get(-1)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_CONFIG' }))
})

describe('spaces of the templates', () => {
  openLibrary({ kind: 'compiler' })
  registerOperators()
  const f32 = (...shape: number[]) => tensor(shape, 'float32')
  const conv = (data: number[], weight: number[], pad: number, dilation = 1) => [
    f32(...data),
    f32(...weight),
    [1, 1],
    [pad, pad, pad, pad],
    [dilation, dilation],
    'NCHW',
    'NCHW',
    'float32',
  ]
  const bytes = (config: readonly unknown[]) => config
  test.each([
    [
      'conv2d_NCHWc.x86',
      conv([1, 64, 56, 56], [128, 64, 3, 3], 1),
      1120,
      777,
      [[-1, 1], [-1, 128], [-1, 4], false],
    ],
    [
      'conv2d_NCHWc.x86',
      conv([1, 64, 56, 56], [128, 64, 1, 1], 0),
      1120,
      1000,
      [[-1, 64], [-1, 64], [-1, 16], 2],
    ],
    [
      'conv2d_NCHWc.x86',
      conv([1, 64, 56, 56], [128, 64, 3, 3], 2, 2),
      896,
      0,
      [[-1, 1], [-1, 1], undefined, true],
    ],
    [
      'depthwise_conv2d_NCHWc.x86',
      conv([1, 144, 56, 56], [144, 1, 3, 3], 1),
      3600,
      1000,
      [[-1, 24], [-1, 9], [-1, 8], true],
    ],
    [
      'group_conv2d_nchw.x86',
      [f32(1, 128, 28, 28), f32(128, 4, 3, 3), [1, 1], [1, 1, 1, 1], [1, 1], 32, 'float32'],
      768,
      500,
      [[-1, 16], [-1, 64], [-1, 2], false],
    ],
    [
      'dense_nopack.x86',
      [f32(16, 512), f32(1000, 512), null, 'float32'],
      800,
      654,
      [
        [-1, 16],
        [-1, 4],
        [-1, 256],
      ],
    ],
    [
      'dense_pack.x86',
      [f32(16, 512), f32(1000, 512), null, 'float32'],
      75_000,
      54_321,
      [
        [-1, 2, 2],
        [-1, 20, 2],
        [-1, 64],
        [-1, 8],
      ],
    ],
    [
      'batch_matmul.x86',
      [f32(12, 64, 64), f32(12, 64, 64), [12, 64, 64], 'float32', 0, 1],
      343,
      100,
      [
        [-1, 4],
        [-1, 1],
        [-1, 4],
      ],
    ],
  ] as const)('%s of %j', (task, args, length, index, expected) => {
    const space = configSpace({ task, args: bytes(args) as never }, target('llvm -mcpu=cascadelake'))
    expect(space.length).toBe(length)
    const found = values(space, index)
    for (const [i, value] of expected.entries()) if (value !== undefined) expect(found[i]).toEqual(value)
  })

  test.each([
    ['conv2d_NCHWc.x86', conv([1, 16, 9, 5], [24, 16, 1, 1], 0)],
    ['conv2d_NCHWc.x86', conv([1, 6, 9, 9], [8, 6, 3, 3], 1)],
    ['depthwise_conv2d_NCHWc.x86', conv([1, 12, 9, 9], [12, 1, 3, 3], 1)],
    ['dense_nopack.x86', [f32(6, 20), f32(12, 20), null, 'float32']],
    ['dense_pack.x86', [f32(4, 6), f32(12, 6), null, 'float32']],
    ['batch_matmul.x86', [f32(2, 6, 8), f32(2, 10, 8), [2, 6, 10], 'float32', 0, 1]],
  ] as const)(
    'configurations all over the space of a small %s can be scheduled',
    { timeout: 60_000 },
    (task, args) => {
      const workload = { task, args: args as never }
      const v3 = target('llvm -mcpu=x86-64-v3')
      const space = configSpace(workload, v3)
      const faults: string[] = []
      const step = Math.max(1, Math.floor(space.length / 13))
      for (let index = 0; index < space.length; index += step) {
        try {
          instantiate(workload, space.get(index), v3)
        } catch (error) {
          faults.push(`${space.get(index)}: ${(error as Error).message}`)
        }
      }
      expect(faults.slice(0, 3)).toEqual([])
    },
  )
})
