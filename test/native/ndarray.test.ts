import { describe, expect, test } from 'vitest'
import { native } from '#lib/native.js'
import {
  alignedTensor,
  getGlobalFunc,
  NDArray,
  openLibrary,
  packed,
  structuralEqual,
} from '#lib/runtime/index.js'
import { type DType, emptyTensor, tensor } from '#lib/tensor.js'

openLibrary()
const echo = getGlobalFunc('testing.echo')

test.each<[DType, string]>([
  ['float32', 'float32'],
  ['float64', 'float64'],
  ['float16', 'float16'],
  ['bfloat16', 'bfloat16'],
  ['int8', 'int8'],
  ['int16', 'int16'],
  ['int32', 'int32'],
  ['int64', 'int64'],
  ['uint8', 'uint8'],
  ['uint16', 'uint16'],
  ['uint32', 'uint32'],
  ['uint64', 'uint64'],
  ['bool', 'bool'],
  ['float8e4m3fn', 'e4m3_float8'],
  ['float8e5m2', 'e5m2_float8'],
])('an array of %s', (dtype, name) => {
  const source = emptyTensor(dtype, [2, 3])
  new Uint8Array((source.data as Uint8Array).buffer).set([1, 0, 1, 1])
  const array = NDArray.from(source)
  expect(array.dtype).toBe(name)
  expect(array.shape).toEqual([2, 3])
  expect(array.device).toEqual({ type: 1, id: 0 })
  expect(array.toTensor()).toEqual(source)
  expect((echo(array) as NDArray).toTensor()).toEqual(source)
})

test.each<DType>(['string', 'int4', 'complex64'])('there are no arrays of %s', (dtype) => {
  expect(() => NDArray.from(emptyTensor(dtype, [2]))).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }),
  )
})

test('scalars and empty shapes', () => {
  expect(NDArray.from(tensor(new Float32Array([7]), [])).toTensor()).toEqual(
    tensor(new Float32Array([7]), []),
  )
  expect(NDArray.from(tensor(new Float32Array(0), [0, 3])).toTensor().shape).toEqual([0, 3])
})

describe('memory of JavaScript', () => {
  test('is used in place when aligned', () => {
    const mine = alignedTensor('float32', [4])
    const array = NDArray.from(mine)
    mine.data[2] = 5
    expect(array.toTensor().data[2]).toBe(5)
    array.copyFrom(tensor(new Float32Array([1, 2, 3, 4])))
    expect([...mine.data]).toEqual([1, 2, 3, 4])
  })
  test('is copied when not', () => {
    const big = alignedTensor('float32', [20])
    const shifted = tensor((big.data as Float32Array).subarray(1, 5))
    const array = NDArray.from(shifted)
    shifted.data[0] = 9
    expect(array.toTensor().data[0]).toBe(0)
  })
  test('lives as long as the library uses it', async () => {
    let array = NDArray.from(alignedTensor('int32', [1 << 20])) as NDArray | undefined
    const kept = echo([array as NDArray])
    array?.dispose()
    array = undefined
    for (let i = 0; i < 3; i++) {
      globalThis.gc?.()
      await new Promise((resolve) => setImmediate(resolve))
      alignedTensor('int32', [1 << 20]).data.fill(7 as never)
    }
    const [inside] = (kept as unknown as { toArray(): NDArray[] }).toArray()
    expect(inside?.toTensor().data.every((x) => x === 0)).toBe(true)
  })
  test('may be shared memory', () => {
    const [file, descriptor] = native.openMemoryFile()
    const [ours, theirs] = [native.mapMemoryFile(descriptor, 4096), native.mapMemoryFile(descriptor, 4096)]
    native.closeMemoryFile(file)
    const array = NDArray.from(tensor(new Float32Array(ours, 0, 4)))
    new Float32Array(theirs)[3] = 2.5
    expect(array.toTensor().data[3]).toBe(2.5)
  })
})

describe('strides', () => {
  const source = tensor(new Float32Array([0, 1, 2, 3, 4, 5]), [2, 3])
  test.each<[string, number[], number[], number, number[]]>([
    ['transpose', [3, 2], [1, 3], 0, [0, 3, 1, 4, 2, 5]],
    ['repeat', [2, 2], [0, 1], 1, [1, 2, 1, 2]],
    ['run backwards', [6], [-1], 5, [5, 4, 3, 2, 1, 0]],
    ['pick one', [], [], 4, [4]],
  ])('%s', (_, shape, strides, offset, expected) => {
    const result = NDArray.strided(source, shape, { strides, offset }).toTensor()
    expect(result.shape).toEqual(shape)
    expect([...result.data]).toEqual(expected)
  })
  test.each<[string, number[], number[], number]>([
    ['too far', [3], [3], 0],
    ['before the start', [2], [-1], 0],
    ['offset too far', [1], [1], 6],
    ['another rank', [1, 1], [1], 0],
    ['an extent beyond 64 bits', [2 ** 52, 2 ** 12], [2 ** 52, 2 ** 52], 0],
    ['a stride beyond 64 bits', [2 ** 40], [2 ** 40], 0],
    ['an infinite stride', [1], [Number.POSITIVE_INFINITY], 0],
    ['a negative offset', [1], [1], -1],
  ])('%s is refused', (_, shape, strides, offset) => {
    expect(() => NDArray.strided(source, shape, { strides, offset })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }),
    )
  })
})

test('sizes that do not fit are refused', () => {
  const array = NDArray.empty([4], 'float32')
  expect(() => array.copyFrom(tensor(new Float32Array(5)))).toThrow(/16 bytes.*20/)
  expect(() => NDArray.from({ dtype: 'float32', shape: [3], data: new Float32Array(2) })).toThrow(
    /12 bytes, got 8/,
  )
  expect(() => NDArray.empty([-1], 'float32')).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }),
  )
  expect(() => NDArray.empty([2], 'float33x')).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }),
  )
})

test.each<[string, number[]]>([
  ['product', [2 ** 52, 2 ** 12]],
  ['product beside an empty axis', [0, 2 ** 52, 2 ** 12]],
  ['extent', [Number.POSITIVE_INFINITY]],
  ['fraction', [1.5]],
])('a shape with an impossible %s is refused', (_, shape) => {
  const refused = expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' })
  expect(() => NDArray.empty(shape, 'float32')).toThrow(refused)
  expect(() => NDArray.from({ dtype: 'float32', shape, data: new Float32Array(0) })).toThrow(refused)
})

test('more memory than there is', () => {
  expect(() => NDArray.empty([2 ** 45], 'float32')).toThrow(expect.objectContaining({ code: 'ERR_TVM' }))
})

test('arrays inside objects keep their contents', () => {
  const constant = getGlobalFunc('relay.ir.Constant')
  const one = constant(NDArray.from(tensor(new Float32Array([1, 2]))), null)
  const two = constant(NDArray.from(tensor(new Float32Array([1, 2]))), null)
  const three = constant(NDArray.from(tensor(new Float32Array([1, 3]))), null)
  expect(structuralEqual(one, two)).toBe(true)
  expect(structuralEqual(one, three)).toBe(false)
})

test('an array reaches a callback and returns', () => {
  const sum = packed((array: NDArray) =>
    [...(array.toTensor().data as Float32Array)].reduce((a, b) => a + b, 0),
  )
  expect(sum(NDArray.from(tensor(new Float32Array([1, 2, 3.5]))))).toBe(6.5)
})
