import { beforeAll, describe, expect, test } from 'vitest'
import { getGlobalFunc, NDArray, openLibrary } from '#lib/runtime/index.js'
import { tensor } from '#lib/tensor.js'

beforeAll(() => {
  openLibrary()
})

const [m, n, k] = [3, 5, 4]
const numbers = (count: number, step: number) =>
  Array.from({ length: count }, (_, i) => ((i * step) % 11) - 5)

/** Row by column, from the definition. */
function product(a: readonly number[], b: readonly number[], transA: boolean, transB: boolean): number[] {
  return Array.from({ length: m * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n]
    let sum = 0
    for (let p = 0; p < k; p++) {
      sum += (a[transA ? p * m + i : i * k + p] as number) * (b[transB ? j * k + p : p * n + j] as number)
    }
    return sum
  })
}

describe.each([
  ['tvm.contrib.cblas.matmul', Float32Array],
  ['tvm.contrib.cblas.matmul', Float64Array],
  ['tvm.contrib.dnnl.matmul', Float32Array],
] as const)('%s over %o', (name, View) => {
  test.each([
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ])('is a matrix product, transposed %s and %s', (transA, transB) => {
    const a = numbers(m * k, 3)
    const b = numbers(k * n, 7)
    // What the result holds before must not matter.
    const result = new View(m * n).fill(Number.NaN)
    const c = NDArray.from(tensor(result, [m, n]))
    getGlobalFunc(name)(
      NDArray.from(tensor(new View(a), transA ? [k, m] : [m, k])),
      NDArray.from(tensor(new View(b), transB ? [n, k] : [k, n])),
      c,
      transA,
      transB,
    )
    expect([...(c.toTensor().data as Float32Array | Float64Array)]).toEqual(product(a, b, transA, transB))
  })
})
