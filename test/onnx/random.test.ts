import { beforeAll, describe, expect, test } from 'vitest'
import { tensorNumbers } from '#lib/frontend/onnx/value.js'
import { openLibrary } from '#lib/runtime/index.js'
import { type Tensor, tensor } from '#lib/tensor.js'
import { float, type ModelDescription, onnxModel } from '../support/onnx-writer.js'
import { runHere, type Tensors } from '../support/run-onnx.js'
import { openNetwork } from '../support/run-open.js'

beforeAll(() => {
  openLibrary()
})

const SIZE = 20_000
const floats = (...shape: (number | string)[]) => ({ dtype: 'float32', shape }) as const

/** What nodes draw, by output. */
function draw(description: Partial<ModelDescription>, feeds: Tensors = {}): Record<string, number[]> {
  const results = runHere(
    onnxModel({ opset: 15, nodes: [], outputs: [], ...description } as ModelDescription),
    feeds,
  )
  return Object.fromEntries(Object.entries(results).map(([name, value]) => [name, tensorNumbers(value)]))
}

const mean = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length
const deviation = (values: readonly number[]) => {
  const middle = mean(values)
  return Math.sqrt(mean(values.map((x) => (x - middle) ** 2)))
}
const correlation = (a: readonly number[], b: readonly number[]) => {
  const [middleA, middleB] = [mean(a), mean(b)]
  return mean(a.map((x, i) => (x - middleA) * ((b[i] as number) - middleB))) / (deviation(a) * deviation(b))
}
/** The largest distance from a distribution (Kolmogorov and Smirnov); above 1.95 / sqrt(n) in one of a thousand cases. */
function distance(values: readonly number[], cumulative: (x: number) => number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return Math.max(...sorted.map((x, i) => Math.abs(cumulative(x) - (i + 0.5) / sorted.length)))
}
const LIMIT = 1.95 / Math.sqrt(SIZE)

/** The normal distribution by the error function (Abramowitz and Stegun, 7.1.26). */
function normal(x: number): number {
  const t = 1 / (1 + (0.3275911 * Math.abs(x)) / Math.SQRT2)
  const terms = [0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429]
  const tail = terms.reduceRight((sum, c) => (sum + c) * t, 0) * Math.exp(-(x * x) / 2)
  return x < 0 ? tail / 2 : 1 - tail / 2
}

const node = (op: string, attrs: object, inputs: string[] = [], output = 'y') => ({
  op,
  inputs,
  outputs: [output],
  attrs: attrs as Record<string, number>,
})

test('uniform numbers are spread evenly between their limits', () => {
  const attrs = { shape: [100, 200], low: float(-2), high: float(3), seed: float(7) }
  const { y = [] } = draw({ nodes: [node('RandomUniform', attrs)], outputs: ['y'] })
  expect(y).toHaveLength(SIZE)
  expect(distance(y, (x) => (x + 2) / 5)).toBeLessThan(LIMIT)
  // Neighbours have nothing to do with each other.
  expect(Math.abs(correlation(y.slice(1), y.slice(0, -1)))).toBeLessThan(4 / Math.sqrt(SIZE))
})

test('normal numbers have their mean and deviation', () => {
  const attrs = { shape: [SIZE], mean: float(1), scale: float(0.5), seed: float(3) }
  const { y = [] } = draw({ nodes: [node('RandomNormal', attrs)], outputs: ['y'] })
  expect(distance(y, (x) => normal((x - 1) / 0.5))).toBeLessThan(LIMIT)
})

test('seeds decide, and so do names where there is no seed', () => {
  const shape = [200]
  const { a, b, c, d, e } = draw({
    nodes: [
      node('RandomUniform', { shape, seed: float(1) }, [], 'a'),
      node('RandomUniform', { shape, seed: float(1) }, [], 'b'),
      node('RandomUniform', { shape, seed: float(2) }, [], 'c'),
      node('RandomUniform', { shape }, [], 'd'),
      node('RandomUniform', { shape }, [], 'e'),
    ],
    outputs: ['a', 'b', 'c', 'd', 'e'],
  })
  expect(a).toEqual(b)
  for (const [left, right] of [
    [a, c],
    [c, d],
    [d, e],
  ] as [number[], number[]][])
    expect(Math.abs(correlation(left, right))).toBeLessThan(0.3)
})

test('Bernoulli yields each probability', () => {
  const p = tensor(
    Float32Array.from({ length: SIZE }, (_, i) => (i % 4) / 3),
    [SIZE],
  )
  const { y = [] } = draw(
    { inputs: { p: floats(SIZE) }, nodes: [node('Bernoulli', { seed: float(5) }, ['p'])], outputs: ['y'] },
    { p },
  )
  for (const k of [0, 1, 2, 3]) {
    const share = mean(y.filter((_, i) => i % 4 === k))
    expect(Math.abs(share - k / 3)).toBeLessThanOrEqual(
      5 * Math.sqrt((k / 3) * (1 - k / 3)) * Math.sqrt(4 / SIZE),
    )
  }
})

test('Multinomial draws classes as often as their probabilities say', () => {
  const probabilities = [0.1, 0.6, 0.3, 0]
  const x = tensor(
    Float32Array.from([...probabilities, ...probabilities].map((p) => Math.log(p + 1e-30))),
    [2, 4],
  )
  const attrs = { sample_size: SIZE, seed: float(9) }
  const { y = [] } = draw(
    { inputs: { x: floats(2, 4) }, nodes: [node('Multinomial', attrs, ['x'])], outputs: ['y'] },
    { x },
  )
  const [first, second] = [y.slice(0, SIZE), y.slice(SIZE)]
  for (const row of [first, second]) {
    for (const [label, p] of probabilities.entries()) {
      const share = row.filter((each) => each === label).length / SIZE
      expect(Math.abs(share - p)).toBeLessThanOrEqual((5 * Math.sqrt(p * (1 - p))) / Math.sqrt(SIZE))
    }
  }
  expect(first).not.toEqual(second)
})

describe('dropout while training', () => {
  const model = onnxModel({
    opset: 13,
    inputs: { x: floats('n', 100) },
    initializers: {
      ratio: tensor(Float32Array.of(0.3), []),
      training: tensor(Uint8Array.of(1), [], 'bool'),
    },
    nodes: [
      {
        op: 'Dropout',
        inputs: ['x', 'ratio', 'training'],
        outputs: ['y', 'mask'],
        attrs: { seed: 4 },
      },
    ],
    outputs: ['y', 'mask'],
  })
  const ones = (n: number) => ({ x: tensor(new Float32Array(n * 100).fill(1), [n, 100]) })
  const check = ({ y, mask }: Tensors, n: number) => {
    const [values, kept] = [tensorNumbers(y as Tensor), tensorNumbers(mask as Tensor)]
    expect(values).toHaveLength(n * 100)
    for (const [i, value] of values.entries()) expect(value).toBeCloseTo(kept[i] ? 1 / 0.7 : 0, 5)
    expect(Math.abs(mean(kept) - 0.7)).toBeLessThan(5 * Math.sqrt(0.21 / (n * 100)))
  }

  test('drops a share and scales the rest', () => {
    const shapes = { x: [200, 100] }
    const first = runHere(model, ones(200), { shapes })
    check(first, 200)
    expect(runHere(model, ones(200), { shapes })).toEqual(first)
  })

  test('of open extents', () => {
    const run = openNetwork(model)
    for (const n of [50, 7]) check(run(ones(n)), n)
  })
})
