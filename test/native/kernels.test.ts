import { describe, expect, test } from 'vitest'
import { type BinaryKernel, type KernelType, native, type UnaryKernel } from '#lib/native.js'
import { type DType, emptyTensor, type TensorData, tensor } from '#lib/tensor.js'

const numbers = (data: TensorData) => Array.from(data as ArrayLike<number | bigint>, Number)
const array = (dtype: DType, values: readonly number[]) => {
  const { data } = emptyTensor(dtype, [values.length])
  for (const [i, x] of values.entries())
    (data as unknown as (number | bigint)[])[i] = typeof data[0] === 'bigint' ? BigInt(x) : x
  return data as Exclude<TensorData, string[]>
}
const binary = (op: BinaryKernel, dtype: KernelType, a: readonly number[], b: readonly number[]) => {
  const comparison = /equal|less|greater/.test(op)
  const to = array(
    comparison ? 'bool' : dtype,
    a.map(() => 0),
  )
  native.binary(op, dtype, to, array(dtype, a), [1], array(dtype, b), [1], [a.length])
  return numbers(to)
}
const unary = (op: UnaryKernel, dtype: KernelType, values: readonly number[]) => {
  const to = array(
    dtype,
    values.map(() => 0),
  )
  native.unary(op, dtype, to, array(dtype, values))
  return numbers(to)
}
const cast = (to: KernelType, from: KernelType, values: readonly number[]) => {
  const result = array(
    to,
    values.map(() => 0),
  )
  native.castElements(result, to, array(from, values), from)
  return numbers(result)
}
const close = (actual: number[], expected: number[], digits = 6) => {
  for (const [i, x] of actual.entries()) expect(x).toBeCloseTo(expected[i] as number, digits)
}

describe('binary operators', () => {
  const signed: KernelType[] = ['float32', 'float64', 'int8', 'int16', 'int32', 'int64']
  test.each(signed)('on %s', (dtype) => {
    const a = [7, -7, 6, 0]
    const b = [2, 2, -3, 5]
    const integral = dtype.startsWith('int')
    expect(binary('add', dtype, a, b)).toEqual([9, -5, 3, 5])
    expect(binary('subtract', dtype, a, b)).toEqual([5, -9, 9, -5])
    expect(binary('multiply', dtype, a, b)).toEqual([14, -14, -18, 0])
    expect(binary('divide', dtype, a, b).map((x) => x + 0)).toEqual(
      integral ? [3, -3, -2, 0] : [3.5, -3.5, -2, 0],
    )
    expect(binary('maximum', dtype, a, b)).toEqual([7, 2, 6, 5])
    expect(binary('minimum', dtype, a, b)).toEqual([2, -7, -3, 0])
    expect(binary('power', dtype, [2, 3], [5, 2])).toEqual([32, 9])
    expect(binary('less', dtype, a, b)).toEqual([0, 1, 0, 1])
    expect(binary('less_equal', dtype, [1, 2, 3], [2, 2, 2])).toEqual([1, 1, 0])
    expect(binary('greater', dtype, [1, 2, 3], [2, 2, 2])).toEqual([0, 0, 1])
    expect(binary('greater_equal', dtype, [1, 2, 3], [2, 2, 2])).toEqual([0, 1, 1])
    expect(binary('equal', dtype, [1, 2, 3], [2, 2, 2])).toEqual([0, 1, 0])
    expect(binary('not_equal', dtype, [1, 2, 3], [2, 2, 2])).toEqual([1, 0, 1])
  })
  test('integers wrap', () => {
    expect(binary('add', 'int8', [127], [1])).toEqual([-128])
    expect(binary('multiply', 'int32', [65536], [65536])).toEqual([0])
    expect(binary('subtract', 'uint8', [0], [1])).toEqual([255])
    expect(binary('divide', 'int32', [-(2 ** 31)], [-1])).toEqual([-(2 ** 31)])
    expect(() => binary('divide', 'int32', [1], [0])).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }),
    )
  })
  test('float32 is rounded once', () => {
    expect(binary('add', 'float32', [0.1], [0.2])[0]).toBe(Math.fround(Math.fround(0.1) + Math.fround(0.2)))
    expect(binary('divide', 'float32', [1], [3])[0]).toBe(Math.fround(1 / 3))
  })
  test('broadcasting', () => {
    const to = new Float32Array(6)
    const column = new Float32Array([10, 20])
    const row = new Float32Array([1, 2, 3])
    native.binary('add', 'float32', to, column, [1, 0], row, [0, 1], [2, 3])
    expect([...to]).toEqual([11, 12, 13, 21, 22, 23])
    native.binary('subtract', 'float32', to, to, [3, 1], column, [1, 0], [2, 3])
    expect([...to]).toEqual([1, 2, 3, 1, 2, 3])
    const scalar = new Float32Array(1)
    native.binary('multiply', 'float32', scalar, row.subarray(2), [], column, [], [])
    expect(scalar[0]).toBe(30)
    native.binary('add', 'float32', new Float32Array(0), column, [0, 0], row, [0, 0], [0, 3])
  })
  test('no access outside the memory', () => {
    const two = new Float32Array(2)
    expect(() => native.binary('add', 'float32', two, two, [1], two, [1], [3])).toThrow(/outside/)
    expect(() => native.binary('add', 'float32', new Float32Array(3), two, [-1], two, [0], [3])).toThrow(
      /outside/,
    )
    expect(() => native.binary('add', 'float16' as never, two, two, [1], two, [1], [2])).toThrow(/float16/)
    expect(() => native.binary('frobnicate' as never, 'float32', two, two, [1], two, [1], [2])).toThrow(
      /frobnicate/,
    )
  })
})

describe('unary operators', () => {
  const values = [0.25, 1, 2.5, 4]
  test.each<[UnaryKernel, (x: number) => number]>([
    ['sqrt', Math.sqrt],
    ['rsqrt', (x) => 1 / Math.sqrt(x)],
    ['exp', Math.exp],
    ['log', Math.log],
    ['floor', Math.floor],
    ['ceil', Math.ceil],
    ['trunc', Math.trunc],
    ['tanh', Math.tanh],
    ['sigmoid', (x) => 1 / (1 + Math.exp(-x))],
    ['negative', (x) => -x],
    ['abs', Math.abs],
    ['sin', Math.sin],
    ['cos', Math.cos],
  ])('%s', (op, reference) => {
    close(unary(op, 'float64', values), values.map(reference), 12)
    close(unary(op, 'float32', values), values.map(reference), 5)
  })
  test('round takes halves away from zero', () =>
    expect(unary('round', 'float32', [0.5, 1.5, -2.5, 2.4])).toEqual([1, 2, -3, 2]))
  // Values of the error function as tabulated (Abramowitz and Stegun, table 7.1).
  test('erf', () =>
    close(unary('erf', 'float64', [0, 0.5, 1, 2]), [0, 0.5204998778, 0.8427007929, 0.995322265], 9))
  test('negative zero', () => expect(Object.is(unary('negative', 'float32', [0])[0], -0)).toBe(true))
  test('integers', () => {
    expect(unary('negative', 'int8', [-128, 5])).toEqual([-128, -5])
    expect(unary('abs', 'int64', [-3, 3])).toEqual([3, 3])
    expect(() => unary('sqrt', 'int32', [4])).toThrow(/integers/)
  })
})

describe('casts', () => {
  test('floats to integers truncate and saturate', () => {
    expect(cast('int8', 'float32', [1.9, -1.9, 300, -300, Number.NaN])).toEqual([1, -1, 127, -128, 0])
    expect(cast('uint8', 'float64', [-1, 256, 254.5])).toEqual([0, 255, 254])
    expect(cast('int64', 'float32', [1e6])).toEqual([1e6])
  })
  test('integers to integers wrap', () => expect(cast('int8', 'int32', [200, -200])).toEqual([-56, 56]))
  test('bool', () => {
    expect(cast('bool', 'float32', [0, -0, 0.1, -3])).toEqual([0, 0, 1, 1])
    expect(cast('float32', 'bool', [0, 1])).toEqual([0, 1])
  })
  test('of different lengths', () => {
    expect(() => native.castElements(new Int8Array(2), 'int8', new Float32Array(3), 'float32')).toThrow(
      /3 elements, got 2/,
    )
  })
})

describe('strided copies', () => {
  const source = new Float32Array(24).map((_, i) => i)
  test.each<[string, number[], number[], number, number[]]>([
    ['whole', [24], [1], 0, [...source]],
    ['transpose', [4, 2], [1, 4], 0, [0, 4, 1, 5, 2, 6, 3, 7]],
    ['three axes', [2, 2, 2], [1, 2, 12], 1, [1, 13, 3, 15, 2, 14, 4, 16]],
    ['repeat', [3, 2], [0, 1], 5, [5, 6, 5, 6, 5, 6]],
    ['backwards', [4], [-2], 6, [6, 4, 2, 0]],
    ['a scalar', [], [], 9, [9]],
    ['nothing', [0, 4], [4, 1], 0, []],
  ])('%s', (_, shape, strides, offset, expected) => {
    const to = new Float32Array(expected.length)
    const toStrides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1))
    native.stridedCopy(to, toStrides, 0, source, strides, offset, shape, 4)
    expect([...to]).toEqual(expected)
  })
  test.each([1, 2, 4, 8, 16])('items of %i bytes', (size) => {
    const from = Uint8Array.from({ length: 6 * size }, (_, i) => i)
    const to = new Uint8Array(6 * size)
    native.stridedCopy(to, [2, 1], 0, from, [1, 3], 0, [3, 2], size)
    const item = (i: number) => [...from.subarray(i * size, (i + 1) * size)]
    expect([...to]).toEqual([0, 3, 1, 4, 2, 5].flatMap(item))
  })
  test('to scattered places', () => {
    const to = new Float32Array(6)
    native.stridedCopy(to, [2], 1, source, [1], 1, [3], 4)
    expect([...to]).toEqual([0, 1, 0, 2, 0, 3])
  })
  test('bad ranges', () => {
    const to = new Float32Array(4)
    expect(() => native.stridedCopy(to, [1], 0, source, [10], 0, [4], 4)).toThrow(/outside/)
    expect(() => native.stridedCopy(to, [1], 1, source, [1], 0, [4], 4)).toThrow(/outside/)
    expect(() => native.stridedCopy(to, [1, 1], 0, source, [1], 0, [4], 4)).toThrow(/same length/)
    expect(() => native.stridedCopy(to, [0.5], 0, source, [1], 0, [4], 4)).toThrow(/integers/)
  })
})

test('tensors of the kernels are those of the package', () => {
  const sum = emptyTensor('float32', [2])
  const a = tensor(new Float32Array([1, 2]))
  native.binary(
    'add',
    'float32',
    sum.data as Float32Array,
    a.data as Float32Array,
    [1],
    a.data as Float32Array,
    [1],
    [2],
  )
  expect([...sum.data]).toEqual([2, 4])
})
