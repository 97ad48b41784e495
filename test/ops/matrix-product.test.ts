import { describe, test } from 'vitest'
import { call, type Expr } from '#lib/ir/relay.js'
import { type Array32, matrixProduct, random, transposed } from './reference.js'
import { constantOf, expectClose, run } from './run.js'

const withoutBatch = ({ shape, data }: Array32): Array32 => ({ shape: shape.slice(1), data })

// [rows, depth, columns]
const shapes = [
  [1, 64, 128],
  [1, 256, 2],
  [1, 17, 1000],
  [3, 40, 17],
  [6, 64, 96],
  [7, 33, 40],
  [128, 96, 64],
  [5, 1, 1],
] as const

describe.each([3, 0])('dense, optimisation level %i', (optLevel) => {
  test.each(shapes)('%i x %i x %i, with bias and relu', (rows, depth, columns) => {
    const [data, weight, bias] = [
      random([1, rows, depth], 3),
      random([1, columns, depth], 5),
      random([columns], 7),
    ]
    const sums = withoutBatch(matrixProduct(data, transposed(weight)))
    const wanted = sums.data.map((value, i) => Math.max(0, value + (bias.data[i % columns] as number)))
    const body = (x: Expr) => {
      const product = call('nn.dense', [x, constantOf(withoutBatch(weight))], { units: columns })
      return call('nn.relu', [call('add', [product, constantOf(bias)])])
    }
    expectClose(run([withoutBatch(data)], body, { optLevel }), { shape: sums.shape, data: wanted })
  })
})

test('dense whose weights are an input', () => {
  const [data, weight] = [random([1, 4, 24], 3), random([1, 20, 24], 5)]
  const body = (x: Expr, w: Expr) => call('nn.dense', [x, w], { units: 20 })
  const wanted = withoutBatch(matrixProduct(data, transposed(weight)))
  expectClose(run([withoutBatch(data), withoutBatch(weight)], body as never), wanted)
})

describe.each(['nn', 'nt', 'tn', 'tt'])('batch_matmul %s', (form) => {
  test.each(shapes)('%i x %i x %i', (rows, depth, columns) => {
    const [a, b] = [random([3, rows, depth], 3), random([3, depth, columns], 5)]
    const attrs = { transpose_a: form[0] === 't', transpose_b: form[1] === 't' }
    const inputs = [attrs.transpose_a ? transposed(a) : a, attrs.transpose_b ? transposed(b) : b]
    const body = (x: Expr, y: Expr) => call('nn.relu', [call('nn.batch_matmul', [x, y], attrs)])
    const product = matrixProduct(a, b)
    expectClose(run(inputs, body as never), {
      shape: product.shape,
      data: product.data.map((v) => Math.max(v, 0)),
    })
  })
})

test('batch_matmul with one matrix for all of the batch', () => {
  const [a, b] = [random([4, 6, 8], 3), random([1, 8, 24], 5)]
  const body = (x: Expr, y: Expr) =>
    call('nn.batch_matmul', [x, y], { transpose_a: false, transpose_b: false })
  expectClose(run([a, b], body as never), matrixProduct(a, b))
})

test.each(['nn', 'nt', 'tn'])('matmul %s', (form) => {
  const [a, b] = [random([1, 6, 20], 3), random([1, 20, 24], 5)]
  const attrs = { transpose_a: form[0] === 't', transpose_b: form[1] === 't' }
  const inputs = [attrs.transpose_a ? transposed(a) : a, attrs.transpose_b ? transposed(b) : b].map(
    withoutBatch,
  )
  const body = (x: Expr, y: Expr) => call('nn.matmul', [x, y], { units: 24, ...attrs })
  expectClose(run(inputs, body as never), withoutBatch(matrixProduct(a, b)))
})
