import { expect, test } from 'vitest'
import { OutputError } from '#lib/backend/output-error.js'
import { encodeFloat16 } from '#lib/float16.js'
import { type Tensor, tensor } from '#lib/tensor.js'

const shape = [2, 5, 3]
const wave = (shift: number) =>
  tensor(
    Float32Array.from({ length: 30 }, (_, i) => Math.sin(i * 0.7 + shift * Math.cos(i)) * 3),
    shape,
  )

function errorOf(actual: Tensor, expected: Tensor) {
  const error = new OutputError('y')
  error.add(actual, expected)
  return error.metrics
}

// From NumPy 2.2 on the same values: ((y - r)**2).mean() and so on, in float64; classes along axis 1.
test.each([
  [
    0.05,
    {
      mse: 0.005752612844075215,
      max_abs_error: 0.14993751049041748,
      cosine_distance: 0.0006417515540997343,
      sqnr_db: 28.910842068180692,
      top1_agreement: 0.5,
    },
  ],
  [
    0.9,
    {
      mse: 1.7615362955475755,
      max_abs_error: 2.392816483974457,
      cosine_distance: 0.1948599790617156,
      sqnr_db: 4.050577574014563,
      top1_agreement: 0.5,
    },
  ],
])('metrics are those of NumPy (shift %s)', (shift, expected) => {
  const metrics = errorOf(wave(shift), wave(0))
  for (const [name, value] of Object.entries(expected)) {
    expect(Math.abs(metrics[name as 'mse'] - value)).toBeLessThan(1e-6)
  }
})

test('batches add up to what one large batch gives', () => {
  const [y, r] = [wave(0.9), wave(0)]
  const half = (of: Tensor, i: number) =>
    tensor((of.data as Float32Array).subarray(i * 15, (i + 1) * 15), [1, 5, 3])
  const parts = new OutputError('y')
  for (const i of [0, 1]) parts.add(half(y, i), half(r, i))
  const whole = errorOf(y, r)
  for (const [name, value] of Object.entries(whole)) {
    expect(parts.metrics[name as 'mse']).toBeCloseTo(value, 12)
  }
})

test('equal outputs have no error', () => {
  expect(errorOf(wave(0), wave(0))).toMatchObject({
    mse: 0,
    sqnr_db: Number.POSITIVE_INFINITY,
    top1_agreement: 1,
  })
  expect(errorOf(wave(0), wave(0)).cosine_distance).toBeCloseTo(0, 12)
  const zeros = tensor(new Float32Array(4), [2, 2])
  expect(errorOf(zeros, zeros)).toMatchObject({ mse: 0, cosine_distance: 0 })
})

test('what is no number is counted and makes the sums so', () => {
  const y = tensor(Float32Array.of(1, Number.NaN, Number.POSITIVE_INFINITY, 2), [2, 2])
  const r = tensor(Float32Array.of(1, 2, 3, 4), [2, 2])
  const metrics = errorOf(y, r)
  expect(metrics).toMatchObject({ nan: 1, infinite: 1, count: 4 })
  expect(metrics.mse).toBeNaN()
  expect(metrics.max_abs_error).toBeNaN()
  // Only the second sample has a largest value, in the other class.
  expect(metrics.top1_agreement).toBe(0)
})

test.each([
  [
    'float16',
    tensor(encodeFloat16([1, 2]), [2], 'float16'),
    tensor(encodeFloat16([1, 2.5]), [2], 'float16'),
    0.125,
  ],
  ['int64', tensor(BigInt64Array.of(1n, 5n)), tensor(BigInt64Array.of(1n, 2n)), 4.5],
  ['uint8', tensor(Uint8Array.of(255, 0)), tensor(Uint8Array.of(254, 1)), 1],
  ['bool', tensor(Uint8Array.of(1, 0), [2], 'bool'), tensor(Uint8Array.of(0, 0), [2], 'bool'), 0.5],
])('%s is compared by value', (_dtype, y, r, mse) => {
  expect(errorOf(y as Tensor, r as Tensor).mse).toBe(mse)
})

test('an output without classes has no agreement', () => {
  for (const dims of [[4], [4, 1]]) {
    const x = tensor(new Float32Array(4), dims)
    expect(errorOf(x, x)).not.toHaveProperty('top1_agreement')
  }
})

test.each([
  ['other shapes', tensor(new Float32Array(4), [2, 2]), tensor(new Float32Array(4), [4])],
  ['text', tensor(['a'], [1]), tensor(['a'], [1])],
])('%s are refused', (_what, y, r) => {
  expect(() => errorOf(y, r)).toThrow(expect.objectContaining({ code: 'ERR_INPUT' }))
})
