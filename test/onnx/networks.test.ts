import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'
import { readTestDataSets } from '#lib/frontend/onnx/test-data.js'
import { tensorNumbers } from '#lib/frontend/onnx/value.js'
import { openLibrary } from '#lib/runtime/index.js'
import type { Tensor } from '#lib/tensor.js'
import { runHere, type Tensors } from '../support/run-onnx.js'

const models = fileURLToPath(new URL('../fixtures/models', import.meta.url))

beforeAll(() => {
  openLibrary()
})

function deviation(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
}

test.each(readdirSync(models).filter((name) => !name.includes('.')))(
  '%s gives the output stored beside it',
  (name) => {
    const folder = join(models, name)
    const sets = readTestDataSets(folder)
    expect(sets.length).toBeGreaterThan(0)
    for (const { inputs, outputs } of sets) {
      const results = runHere(join(folder, 'model.onnx'), inputs as Tensors)
      for (const [output, expected] of Object.entries(outputs)) {
        const want = tensorNumbers(expected as Tensor)
        const got = tensorNumbers(results[output] as Tensor)
        const worst = Math.max(...got.map((value, i) => Math.abs(value - (want[i] as number))))
        expect(worst).toBeLessThanOrEqual(1e-4 * deviation(want))
      }
    }
  },
)
