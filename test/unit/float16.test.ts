import { describe, expect, test } from 'vitest'
import { bfloat16Bits, bfloat16Value, float16Bits, float16Value } from '#lib/float16.js'

describe('float16', () => {
  // Pairs from the IEEE 754-2008 description of binary16.
  test.each([
    [0, 0x0000],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [65504, 0x7bff],
    [2 ** -14, 0x0400],
    [2 ** -24, 0x0001],
    [1 / 3, 0x3555],
    [Number.POSITIVE_INFINITY, 0x7c00],
    [65519.99, 0x7bff],
    [65520, 0x7c00],
    [2 ** -25, 0x0000],
    [2049, 0x6800],
    [2051, 0x6802],
    [2 ** -14 - 2 ** -25, 0x0400],
  ])('%d is 0x%s', (value, bits) => expect(float16Bits(value)).toBe(bits))

  test('every number is its own nearest', () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = float16Value(bits)
      if (!Number.isNaN(value)) expect(float16Bits(value)).toBe(bits)
    }
    expect(float16Value(float16Bits(Number.NaN))).toBeNaN()
  })
})

describe('bfloat16', () => {
  test.each([
    [1, 0x3f80],
    [-2.5, 0xc020],
    [3.38953139e38, 0x7f7f],
    [Number.POSITIVE_INFINITY, 0x7f80],
    [1.00390625, 0x3f80],
    [1.01171875, 0x3f82],
  ])('%d is 0x%s', (value, bits) => expect(bfloat16Bits(value)).toBe(bits))

  test('every number is its own nearest', () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = bfloat16Value(bits)
      if (!Number.isNaN(value)) expect(bfloat16Bits(value)).toBe(bits)
    }
  })
})
