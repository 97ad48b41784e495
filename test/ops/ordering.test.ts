import { describe, expect, test } from 'vitest'
import { type CallAttrs, call, type Expr } from '#lib/ir/relay.js'
import { type Tensor, tensor } from '#lib/tensor.js'
import { elements, indices, offset, random } from './reference.js'
import { run, runTensors } from './run.js'

const floats = (shape: readonly number[], seed = 1): Tensor => ({ dtype: 'float32', ...random(shape, seed) })
/** Few different values, so that many are equal. */
const coarse = (shape: readonly number[], seed = 1): Tensor => {
  const { data } = random(shape, seed)
  return { dtype: 'float32', shape, data: data.map((value) => Math.round(value * 4) + 0) }
}
const places = (values: readonly number[], shape: readonly number[]) =>
  tensor(BigInt64Array.from(values, BigInt), shape)
/** Zeros of either sign are the same here. */
const whole = (x: Pick<Tensor, 'data'>) =>
  Array.from(x.data as Iterable<number | bigint>, (value) => Number(value) + 0)
const on = (op: string, attrs: CallAttrs) => (x: Expr) => call(op, [x], attrs)

/** Splits the elements of `x` into rows along `axis`: the flat offsets of each. */
function rows(shape: readonly number[], axis: number): number[][] {
  const heads = indices(shape.map((extent, a) => (a === axis ? 1 : extent)))
  return Array.from(heads, (index) =>
    Array.from({ length: shape[axis] as number }, (_, k) => offset(index.with(axis, k), shape)),
  )
}

const extents: [number[], number][] = [
  [[1], 0],
  [[5], 0],
  [[3, 7, 4], 1],
  [[64, 33], 1],
  [[33, 64], 0],
  [[9, 130, 17], 1],
]

describe.each(extents)('along an axis of %j, %i', (shape, axis) => {
  test.each([false, true])('running sums, exclusive %s', (exclusive) => {
    const x = coarse(shape)
    const wanted = new Array<number>(elements(shape))
    for (const row of rows(shape, axis)) {
      let sum = 0
      for (const at of row) {
        if (exclusive) wanted[at] = sum
        sum += x.data[at] as number
        if (!exclusive) wanted[at] = sum
      }
    }
    const [y] = runTensors([x], on('cumsum', { axis, dtype: 'float32', exclusive })) as [Tensor]
    expect(whole(y)).toEqual(wanted)
  })

  test.each([true, false])('sorting keeps the order of equal elements, ascending %s', (ascending) => {
    const x = coarse(shape)
    const wanted = new Array<number>(elements(shape))
    for (const row of rows(shape, axis)) {
      const order = row.map((_, k) => k)
      const value = (k: number) => x.data[row[k] as number] as number
      order.sort((a, b) => (ascending ? value(a) - value(b) : value(b) - value(a)))
      for (const [k, at] of row.entries()) wanted[at] = order[k] as number
    }
    const attrs = { axis, is_ascend: ascending, dtype: 'int32' }
    const [order] = runTensors([x], on('argsort', attrs)) as [Tensor]
    expect(whole(order)).toEqual(wanted)
    const [sorted] = runTensors([x], on('sort', attrs)) as [Tensor]
    const values = wanted.map(() => 0)
    for (const row of rows(shape, axis))
      for (const at of row) values[at] = x.data[row[wanted[at] as number] as number] as number
    expect(whole(sorted)).toEqual(values)
  })
})

test('running products of all elements, into another type', () => {
  const x = tensor(Int32Array.of(1, -2, 3, 4), [2, 2])
  const [y] = runTensors([x], on('cumprod', { dtype: 'int64' })) as [Tensor]
  expect(y).toEqual({ dtype: 'int64', shape: [4], data: BigInt64Array.of(1n, -2n, -6n, -24n) })
})

test.each(['both', 'values', 'indices'])('topk with %s', (kind) => {
  const x = tensor(Int32Array.of(3, 9, 9, -1, 4, 4, 8, 0, 4, 2, 1, 5), [2, 6])
  const attrs = { k: 3, axis: -1, is_ascend: false, ret_type: kind, dtype: 'int64' }
  const results = runTensors([x], on('topk', attrs)).map(whole)
  const values = [9, 9, 4, 8, 5, 4]
  const order = [1, 2, 4, 0, 5, 2]
  expect(results).toEqual(kind === 'both' ? [values, order] : [kind === 'values' ? values : order])
})

const selections: [shape: number[], axis: number, k: number][] = [
  [[1, 1], 1, 1],
  [[64], 0, 1],
  [[4, 100], 1, 7],
  [[3, 1000, 2], 1, 16],
  [[2, 40], 1, 10],
  [[2, 40], 1, 11],
  [[2, 40], 1, 40],
]
describe.each([false, true])('topk, ascending %s', (ascending) => {
  test.each(selections)('of %j along %i, the first %i: the earlier one of equals', (shape, axis, k) => {
    const x = coarse(shape, 9)
    const kept = shape.map((extent, a) => (a === axis ? k : extent))
    const order = new Array<number>(elements(kept))
    const into = rows(kept, axis)
    for (const [i, row] of rows(shape, axis).entries()) {
      const value = (place: number) => x.data[row[place] as number] as number
      const sorted = row
        .map((_, place) => place)
        .sort((a, b) => (ascending ? value(a) - value(b) : value(b) - value(a)))
      for (const [rank, at] of (into[i] as number[]).entries()) order[at] = sorted[rank] as number
    }
    const attrs = { k, axis, is_ascend: ascending, ret_type: 'both', dtype: 'int32' }
    const [values, found] = runTensors([x], on('topk', attrs)) as [Tensor, Tensor]
    expect(found.shape).toEqual(kept)
    expect(whole(found)).toEqual(order)
    for (const [i, row] of rows(shape, axis).entries())
      for (const at of into[i] as number[])
        expect(values.data[at]).toBe(x.data[row[order[at] as number] as number])
  })
})

const reductions: Record<string, (a: number, b: number) => number> = {
  update: (_, b) => b,
  add: (a, b) => a + b,
  mul: (a, b) => a * b,
  min: Math.min,
  max: Math.max,
}

describe.each(Object.entries(reductions))('scattering by %s', (mode, combine) => {
  test('elements, along an axis, some places repeated and some negative', () => {
    const data = coarse([5, 40, 60], 3)
    const updates = coarse([4, 20, 60], 5)
    const at = places(
      Array.from({ length: elements(updates.shape) }, (_, i) => ((i * 7) % 80) - 40),
      updates.shape,
    )
    const wanted = Float32Array.from(data.data as Float32Array)
    let flat = 0
    for (const index of indices(updates.shape)) {
      const place = Number(at.data[flat])
      const to = offset(index.with(1, place < 0 ? place + 40 : place), data.shape)
      wanted[to] = combine(wanted[to] as number, updates.data[flat++] as number)
    }
    const body = (...inputs: Expr[]) => call('scatter_elements', inputs, { axis: 1, reduction: mode })
    const [y] = runTensors([data, at, updates], body) as [Tensor]
    expect(whole(y)).toEqual(whole({ data: wanted }))
  })

  test('slices, at points of which some repeat', () => {
    const data = coarse([4, 3, 5], 3)
    const updates = coarse([2, 3, 5], 5)
    const at = places([0, 3, 0, -1, 0, 2, 1, 1, 1, 0, 2, 0].slice(0, 12), [2, 2, 3])
    const wanted = Float32Array.from(data.data as Float32Array)
    for (const [i, j, k] of indices([2, 3, 5]) as Iterable<[number, number, number]>) {
      const [row, column] = [0, 1].map((m) => Number(at.data[offset([m, i, j], at.shape)])) as [
        number,
        number,
      ]
      const to = offset([row < 0 ? row + 4 : row, column, k], data.shape)
      wanted[to] = combine(wanted[to] as number, updates.data[offset([i, j, k], updates.shape)] as number)
    }
    const body = (...inputs: Expr[]) => call('scatter_nd', inputs, { mode })
    const [y] = runTensors([data, at, updates], body) as [Tensor]
    expect(whole(y)).toEqual(whole({ data: wanted }))
  })
})

test('a place outside leaves the data alone', () => {
  const [data, updates] = [floats([4]), floats([2], 7)]
  const body = (...inputs: Expr[]) => call('scatter_elements', inputs, { axis: 0, reduction: 'update' })
  const [y] = runTensors([data, places([4, -5], [2]), updates], body) as [Tensor]
  expect(y.data).toEqual(data.data)
})

test('local response normalisation over neighbouring channels', () => {
  const x = random([2, 7, 3, 3])
  const [size, alpha, beta, bias] = [3, 0.2, 0.75, 1.5]
  const wanted = Float32Array.from(indices(x.shape), ([n, c, h, w]: number[]) => {
    let sum = 0
    for (let d = -1; d <= 1; d++) {
      const channel = (c as number) + d
      if (channel < 0 || channel >= 7) continue
      sum += (x.data[offset([n as number, channel, h as number, w as number], x.shape)] as number) ** 2
    }
    const at = offset([n, c, h, w] as number[], x.shape)
    return (x.data[at] as number) / (bias + (alpha / size) * sum) ** beta
  })
  const y = run([x], on('nn.lrn', { size, axis: 1, alpha, beta, bias }))
  expect(y.shape).toEqual(x.shape)
  for (const [i, value] of wanted.entries()) expect(y.data[i]).toBeCloseTo(value, 5)
})
