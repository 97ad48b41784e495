import { describe, expect, test } from 'vitest'
import { findEvaluator } from '#lib/ir/evaluate/operators.js'
import { constantValue, foldConstant } from '#lib/ir/fold-constant.js'
import { IRModule } from '#lib/ir/module.js'
import { type Call, type Constant, call, constant, func, tuple } from '#lib/ir/relay.js'
import '#lib/ir/target.js'
import { registerOperators } from '#lib/ops/register.js'
import { float, getGlobalFunc, openLibrary } from '#lib/runtime/index.js'
import { type DType, type Tensor, tensor } from '#lib/tensor.js'
import { randomTensor as random } from '../support/random.js'

openLibrary()
registerOperators()
const floats = (shape: number[], ...values: number[]) => tensor(new Float32Array(values), shape)
const count = (shape: number[]) =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i),
    shape,
  )

function fold(op: string, inputs: Tensor[], attrs: Record<string, unknown> = {}): Tensor {
  const value = constantValue(
    foldConstant(
      call(
        op,
        inputs.map((input) => constant(input)),
        attrs as never,
      ),
    ),
  )
  if (!value) throw new Error(`${op} was not folded`)
  return value
}

describe('arithmetic', () => {
  test.each<[string, number[]]>([
    ['add', [11, 12, 23, 24]],
    ['subtract', [-9, -8, -17, -16]],
    ['multiply', [10, 20, 60, 80]],
    ['divide', [0.1, 0.2, 0.15, 0.2].map(Math.fround)],
    ['maximum', [10, 10, 20, 20]],
    ['greater', [0, 0, 0, 0]],
  ])('%s broadcasts', (op, expected) => {
    const result = fold(op, [floats([2, 2], 1, 2, 3, 4), floats([2, 1], 10, 20)])
    expect(result.shape).toEqual([2, 2])
    expect([...result.data]).toEqual(expected)
  })
  test('sqrt and cast', () => {
    expect([...fold('sqrt', [floats([2], 4, 9)]).data]).toEqual([2, 3])
    expect(fold('cast', [floats([2], 1.7, -1.7)], { dtype: 'int64' })).toEqual(
      tensor(new BigInt64Array([1n, -1n]), [2]),
    )
  })
})

describe('shapes', () => {
  test('transpose', () => {
    const result = fold('transpose', [count([2, 3])], { axes: [1, 0] })
    expect(result).toEqual(tensor(new Float32Array([0, 3, 1, 4, 2, 5]), [3, 2]))
  })
  test('concatenate', () => {
    const parts = tuple([constant(count([2, 1])), constant(count([2, 2]))])
    const value = constantValue(foldConstant(call('concatenate', [parts], { axis: 1 })))
    expect(value).toEqual(tensor(new Float32Array([0, 0, 1, 1, 2, 3]), [2, 3]))
  })
  test('broadcast', () => {
    const { data, shape } = fold('broadcast_to', [floats([2, 1], 1, 2)], { shape: [2, 3], dtype: '' })
    expect(shape).toEqual([2, 3])
    expect([...data]).toEqual([1, 1, 1, 2, 2, 2])
  })
  test('to a blocked layout', () => {
    const result = fold('layout_transform', [count([1, 4, 1, 2])], {
      src_layout: 'NCHW',
      dst_layout: 'NCHW2c',
    })
    expect(result.shape).toEqual([1, 2, 1, 2, 2])
    // Channel c of column w is element 2c + w.
    expect([...result.data]).toEqual([0, 2, 1, 3, 4, 6, 5, 7])
  })
})

/** What the library itself comes to, by building and running the operator. */
function libraryFold(expr: Call): Tensor {
  const nothing = IRModule.fromFunction(func([], constant(0)))
  const folded = getGlobalFunc('relay._transform.FoldConstantExpr')(expr, nothing, false)
  return (folded as Constant).data.toTensor()
}

describe('what is evaluated here is what the library computes', () => {
  const [i32, i64, f32] = ['int32', 'int64', 'float32'] as const satisfies DType[]
  const ints = (dtype: DType, low = -9, high = 9) => random([3, 4], dtype, low, high, 5)
  const cube = random([2, 3, 4])
  const bool = random([3, 4], 'bool', 0, 1, 3)
  const positions = tensor(BigInt64Array.of(2n, 0n, 1n, 1n, 2n, 0n), [3, 2])
  const slice = (attrs: object) => ({ slice_mode: 'end', ...attrs })
  const over = (...axis: number[]) => ({ axis, keepdims: false, exclude: false })
  const arg = { axis: [1], keepdims: true, exclude: false }
  const cases: [string, Tensor[], Record<string, unknown>?][] = [
    ['strided_slice', [cube], slice({ begin: [1, 0], end: [3, 4], strides: [1, 2], axes: [1, 2] })],
    ['strided_slice', [cube], slice({ begin: [1, -1], end: [2, -5], strides: [1, -1], axes: [0, 2] })],
    ['strided_slice', [ints(i64)], slice({ begin: [0, -3], end: [2, 4], strides: [1], axes: null })],
    [
      'strided_slice',
      [cube],
      { begin: [0, 1, 1], end: [2, -1, 2], strides: [1], axes: null, slice_mode: 'size' },
    ],
    ['where', [bool, ints(i64), random([4], i64, 0, 99)]],
    ['where', [random([3, 1], 'bool', 0, 1, 7), random([], f32), random([3, 4], f32)]],
    ['tile', [random([2, 1, 3])], { reps: [2, 1, 2] }],
    [
      'nn.pad',
      [random([2, 3]), floats([], 7)],
      {
        pad_width: [
          [1, 0],
          [2, 1],
        ],
        pad_mode: 'constant',
      },
    ],
    [
      'nn.pad',
      [random([2, 3]), floats([], 7)],
      {
        pad_width: [
          [0, 0],
          [1, 1],
        ],
        pad_mode: 'edge',
      },
    ],
    ['tile', [random([3], i64, 0, 9)], { reps: [2, 2] }],
    ['repeat', [cube], { repeats: 3, axis: 1 }],
    ['repeat', [random([1])], { repeats: 4, axis: -1 }],
    ['reverse', [cube], { axis: 1 }],
    ['gather', [ints(f32), positions], { axis: 1 }],
    ['gather', [ints(i32), random([2, 4], i64, 0, 3)], { axis: 0 }],
    ['take', [cube, positions], { axis: 1, mode: 'fast' }],
    ['logical_and', [bool, random([4], 'bool', 0, 1, 9)]],
    ['logical_or', [bool, random([4], 'bool', 0, 1, 9)]],
    ['logical_xor', [bool, random([4], 'bool', 0, 1, 9)]],
    ['logical_not', [bool]],
    ['bitwise_and', [ints(i32), random([4], i32, 0, 99)]],
    ['bitwise_or', [ints('uint8', 0, 200), random([4], 'uint8', 0, 99)]],
    ['bitwise_xor', [ints(i64), random([4], i64, 0, 99)]],
    ['bitwise_not', [ints(i64)]],
    ['floor_mod', [ints(i64), random([4], i64, 1, 5)]],
    ['floor_mod', [ints(i32), random([4], i32, -5, -1)]],
    ['trunc_mod', [ints(i64), random([4], i64, 1, 5)]],
    ['mod', [random([5], f32, -9, 9), random([5], f32, 1, 2)]],
    ['isnan', [floats([3], 1, Number.NaN, Number.POSITIVE_INFINITY)]],
    ['isinf', [floats([3], 1, Number.NaN, Number.NEGATIVE_INFINITY)]],
    ['clip', [random([9], f32)], { a_min: float(-1), a_max: float(0.5) }],
    ['sum', [cube], over(0, 2)],
    ['sum', [ints(i64)], over(1)],
    ['sum', [ints('int8', -128, 127)], over(0)],
    ['prod', [ints(i64, 1, 9)], over(0)],
    ['prod', [random([7], i32, 1000, 9999)], over(0)],
    ['max', [cube], { axis: [-1], keepdims: true, exclude: false }],
    ['min', [ints(i32)], { axis: [0], keepdims: false, exclude: true }],
    ['mean', [cube], over(1)],
    ['all', [bool], over(0)],
    ['any', [bool], over(1)],
    ['argmax', [ints(i32, 0, 3)], { ...arg, select_last_index: false }],
    ['argmax', [ints(i32, 0, 3)], { ...arg, select_last_index: true }],
    ['argmin', [cube], { ...arg, select_last_index: false }],
    ['add', [random([3], 'float16', 0x3c00, 0x5000), random([3], 'float16', 0x3c00, 0x5000, 2)]],
    ['sqrt', [random([5], 'float16', 0x3c00, 0x5000)]],
    ['cast', [random([5], 'float16', 0x3c00, 0x5000)], { dtype: i32 }],
    ['cast', [random([5], f32)], { dtype: 'float16' }],
    ['less', [random([3], 'float16', 0x3c00, 0x3d00), random([3], 'float16', 0x3c00, 0x3d00, 2)]],
  ]
  test.each(cases)('%s %#', (op, inputs, attrs = {}) => {
    expect(findEvaluator(op)).toBeDefined()
    const expr = call(
      op,
      inputs.map((input) => constant(input)),
      attrs as never,
    )
    const { dtype, shape, data } = fold(op, inputs, attrs)
    const expected = libraryFold(expr)
    expect({ dtype, shape }).toEqual({ dtype: expected.dtype, shape: expected.shape })
    const close = dtype === 'float32' && /sum|mean/.test(op)
    if (!close) expect([...data]).toEqual([...expected.data])
    // The library adds up in single precision.
    else for (const [i, value] of data.entries()) expect(value).toBeCloseTo(expected.data[i] as number, 5)
  })

  test.each([0, 1, 2, -1])('stack along %d', (axis) => {
    const parts = tuple([constant(ints(i32)), constant(random([3, 4], i32, 0, 99, 8))])
    const expr = call('stack', [parts], { axis })
    expect(constantValue(foldConstant(expr))).toEqual(libraryFold(expr))
  })
})
