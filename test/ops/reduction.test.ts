import { describe, expect, test } from 'vitest'
import { call } from '#lib/ir/relay.js'
import { type Array32, elements, indices, offset, random } from './reference.js'
import { expectClose, run } from './run.js'

/** Rows along `axes` of `x`, by their place in a result that keeps those axes with extent 1. */
function rows(x: Array32, axes: readonly number[]): { shape: number[]; values: number[][] } {
  const shape = x.shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim))
  const values = Array.from({ length: elements(shape) }, (): number[] => [])
  for (const index of indices(x.shape)) {
    const place = index.map((i, axis) => (axes.includes(axis) ? 0 : i))
    values[offset(place, shape)]?.push(x.data[offset(index, x.shape)] as number)
  }
  return { shape, values }
}

const total = (row: readonly number[]) => row.reduce((sum, value) => sum + value, 0)
const mean = (row: readonly number[]) => total(row) / row.length
const reductions: Record<string, (row: readonly number[]) => number> = {
  sum: total,
  mean,
  max: (row) => Math.max(...row),
  min: (row) => Math.min(...row),
  prod: (row) => row.reduce((product, value) => product * value, 1),
  variance: (row) => mean(row.map((value) => (value - mean(row)) ** 2)),
}

const shapes: [shape: number[], axes: number[]][] = [
  [[1, 1000], [1]],
  [[3, 17], [1]],
  [[3, 17], [0]],
  [[5, 2048], [1]],
  [[2, 5, 5], [1]],
  [[2, 5, 5], [2]],
  [
    [2, 3, 7, 56],
    [2, 3],
  ],
  [
    [2, 3, 7, 7],
    [2, 3],
  ],
  [[3, 32, 4, 16], [1]],
  [
    [2, 64, 3, 48],
    [0, 2],
  ],
  [[4, 1], [1]],
  [[64], [0]],
  [
    [3, 16, 16],
    [0, 1, 2],
  ],
]

describe.each(['llvm -mcpu=native', 'llvm'])('on %s', (target) => {
  test.each(Object.keys(reductions))('%s', (name) => {
    for (const [shape, axes] of shapes) {
      const x = random(shape)
      const { shape: kept, values } = rows(x, axes)
      const of = reductions[name] as (row: readonly number[]) => number
      const wanted = { shape: kept, data: Float32Array.from(values.map(of)) }
      const attrs = { axis: axes, keepdims: true }
      const body = (input: Parameters<typeof call>[1][number]) =>
        name === 'variance'
          ? call('variance', [input, call('mean', [input], attrs)], attrs)
          : call(name, [input], attrs)
      expectClose(run([x], body, { target }), wanted)
      if (name === 'variance' || shape.length !== 2) continue
      const flat = { shape: kept.filter((_, axis) => !axes.includes(axis)), data: wanted.data }
      const last = [...axes.slice(0, -1), (axes.at(-1) as number) - shape.length]
      expectClose(
        run([x], (input) => call(name, [input], { axis: last }), { target }),
        flat,
      )
    }
  })

  test.each(['nn.softmax', 'nn.log_softmax'])('%s', (name) => {
    const cases: [number[], number][] = [
      [[1, 1000], 1],
      [[3, 17], -1],
      [[12, 8, 128], 2],
      [[2, 5, 5], 1],
      [[2, 5, 5], -1],
      [[1, 21, 6, 6], 1],
      [[2, 100, 64], -2],
      [[3, 40, 17], 1],
      [[5, 32], 0],
      [[4, 3, 2, 7], 0],
      [[2, 3, 5, 1], 1],
      [[4, 1], 1],
      [[70, 2048], 1],
    ]
    for (const [shape, axis] of cases) {
      // The library's log_softmax knows matrices only; the importer brings others to that form.
      if (name === 'nn.log_softmax' && (shape.length !== 2 || axis === 0)) continue
      const x = { shape, data: random(shape).data.map((value) => value * 30) }
      const along = (axis + shape.length) % shape.length
      const { shape: kept, values } = rows(x, [along])
      const norms = values.map((row) => {
        const most = Math.max(...row)
        return most + Math.log(total(row.map((value) => Math.exp(value - most))))
      })
      const data = new Float32Array(x.data.length)
      for (const index of indices(shape)) {
        const norm = norms[
          offset(
            index.map((i, a) => (a === along ? 0 : i)),
            kept,
          )
        ] as number
        const at = offset(index, shape)
        const log = (x.data[at] as number) - norm
        data[at] = name === 'nn.softmax' ? Math.exp(log) : log
      }
      expectClose(
        run([x], (input) => call(name, [input], { axis }), { target }),
        { shape, data },
      )
    }
  })
})

test('nothing to reduce gives nothing', () => {
  const x = { shape: [0, 16], data: new Float32Array(0) }
  expect(run([x], (input) => call('sum', [input], { axis: [1] })).data).toHaveLength(0)
  expect(run([x], (input) => call('nn.softmax', [input], { axis: 1 })).data).toHaveLength(0)
})
