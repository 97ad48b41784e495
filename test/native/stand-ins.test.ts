import { execFile } from 'node:child_process'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { findBundle } from '#lib/bundle/index.js'
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

test('XGBoost learns the same with one thread and our OpenMP as with the system’s', async () => {
  const bundle = findBundle()
  const native = new URL('../../dist/native.js', import.meta.url).href
  const script = `
    import { native } from ${JSON.stringify(native)}
    import { readFileSync } from 'node:fs'
    native.xgboostOpen(${JSON.stringify(bundle.xgboost)}, ${JSON.stringify(bundle.standIns.forXGBoost)})
    const columns = 20
    const features = Float32Array.from({ length: 200 * columns }, (_, i) => ((i * 7919) % 1009) / 1009)
    const labels = Float32Array.from({ length: 200 }, (_, i) => features[i * columns] + features[i * columns + 3] ** 2)
    const booster = native.boosterCreate([['num_feature', '20'], ['max_depth', '4'], ['nthread', '2'], ['subsample', '0.9']])
    native.boosterTrain(booster, features, columns, labels, new Float32Array(), 50)
    const used = /\\S*libgomp\\S*/.exec(readFileSync('/proc/self/maps', 'utf8'))[0]
    console.log(JSON.stringify({ used, margins: [...native.boosterPredict(booster, features, columns, true)], labels: [...labels] }))`
  const learn = async (env: NodeJS.ProcessEnv) => {
    const args = ['--input-type=module', '-e', script]
    const { stdout } = await promisify(execFile)(process.execPath, args, { env: { ...process.env, ...env } })
    return JSON.parse(stdout) as { used: string; margins: number[]; labels: number[] }
  }
  const ours = await learn({ LD_LIBRARY_PATH: dirname(bundle.standIns.forXGBoost as string) })
  expect(ours.used).toBe(bundle.standIns.forXGBoost)
  const errors = ours.margins.map((margin, i) => Math.abs(margin - (ours.labels[i] as number)))
  expect(Math.max(...errors)).toBeLessThan(0.2)
  expect(ours.margins).toEqual((await learn({})).margins)
})
