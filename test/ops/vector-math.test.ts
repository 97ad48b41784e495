import { describe, expect, test } from 'vitest'
import { call, type Expr } from '#lib/ir/relay.js'
import type { Tensor } from '#lib/tensor.js'
import { runTensors } from './run.js'

/** Of doubles, by a series or the library. */
const functions: Record<string, { of: (x: number) => number; ulps: number }> = {
  exp: { of: Math.exp, ulps: 2 },
  tanh: { of: Math.tanh, ulps: 4 },
  sigmoid: { of: (x) => 1 / (1 + Math.exp(-x)), ulps: 4 },
  erf: { of: erf, ulps: 8 },
}

/** By its series, and for large arguments by the continued fraction of its complement. */
function erf(x: number): number {
  if (Number.isNaN(x)) return x
  const a = Math.abs(x)
  if (a > 6) return Math.sign(x)
  if (a < 2.5) {
    let [sum, term] = [a, a]
    for (let n = 1; n < 80; n++) {
      term *= (-a * a) / n
      sum += term / (2 * n + 1)
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI)
  }
  let fraction = a
  for (let k = 120; k >= 1; k--) fraction = a + k / 2 / fraction
  return Math.sign(x) * (1 - Math.exp(-a * a) / (fraction * Math.sqrt(Math.PI)))
}

const SMALLEST_NORMAL = 2 ** -126

/** The distance of neighbouring single-precision numbers at `x`. */
function ulp(x: number): number {
  const exponent = Math.max(-126, Math.floor(Math.log2(Math.abs(x) || 1e-45)))
  return 2 ** (exponent - 23)
}

const special = [
  0,
  -0,
  1,
  -1,
  88,
  88.72283,
  88.8,
  89,
  100,
  1e30,
  -87,
  -87.5,
  -100,
  -103.9,
  -105,
  -1e30,
  Infinity,
  -Infinity,
  NaN,
]
const small = Array.from({ length: 40 }, (_, i) => 10 ** -(i / 4 + 1))
const spread = Array.from({ length: 20_000 }, (_, i) => (i - 10_000) / 900)
const values = Float32Array.from([...special, ...small, ...small.map((x) => -x), ...spread])

describe.each(['llvm -mcpu=native', 'llvm -mcpu=haswell', 'llvm'])('on %s', (target) => {
  test.each(Object.keys(functions))('%s is right to the last places, at the ends too', (name) => {
    const { of, ulps } = functions[name] as { of: (x: number) => number; ulps: number }
    const x = { dtype: 'float32' as const, shape: [values.length], data: values }
    const [result] = runTensors([x], (input: Expr) => call(name, [input]), { target }) as [Tensor]
    const wrong = [...values].flatMap((value, i) => {
      const [got, want] = [(result.data as Float32Array)[i] as number, of(value)]
      const single = Math.fround(want)
      if (Object.is(got, single) || got === single) return []
      // Processors may be told to take numbers below the normal ones for zero.
      return Math.abs(got - want) <= Math.max(SMALLEST_NORMAL, ulps * ulp(want)) ? [] : [{ value, got, want }]
    })
    expect(wrong.slice(0, 5)).toEqual([])
  })
})

test('double precision keeps its own', () => {
  const x = { dtype: 'float64' as const, shape: [3], data: Float64Array.of(-1, 0.5, 2) }
  for (const name of ['exp', 'tanh', 'erf']) {
    const [result] = runTensors([x], (input: Expr) => call(name, [input])) as [Tensor]
    for (const [i, value] of x.data.entries())
      expect((result.data as Float64Array)[i]).toBeCloseTo(
        (functions[name] as { of: (x: number) => number }).of(value),
        12,
      )
  }
})
