import { describe, expect, test } from 'vitest'
import { constantValue, foldConstant } from '#lib/ir/fold-constant.js'
import { call, constant, tuple } from '#lib/ir/relay.js'
import { openLibrary } from '#lib/runtime/index.js'
import { type Tensor, tensor } from '#lib/tensor.js'

openLibrary()
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
