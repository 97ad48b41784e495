import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compile } from '#lib/compile/compile.js'
import { readTestDataSets } from '#lib/frontend/onnx/test-data.js'
import type { Tensor } from '#lib/tensor.js'
import { type ModelDescription, onnxModel } from './onnx-writer.js'

export type Tensors = Record<string, Tensor>

const models = fileURLToPath(new URL('../fixtures/models', import.meta.url))

/** Path and first data set of a network in `test/fixtures/models`. */
export function network(name: string): { model: string; inputs: Tensors; outputs: Tensors } {
  const [set] = readTestDataSets(join(models, name))
  return {
    model: join(models, name, 'model.onnx'),
    inputs: set?.inputs as Tensors,
    outputs: set?.outputs as Tensors,
  }
}

/** Compiles a model of a few nodes and saves the artifact. */
export async function artifactOf(model: ModelDescription | string, path: string): Promise<string> {
  const artifact = await compile(typeof model === 'string' ? model : onnxModel(model), { target: 'llvm' })
  await artifact.save(path)
  await artifact.dispose()
  return path
}

/** Where a model of a few nodes is written. */
export function modelFile(model: ModelDescription, path: string): string {
  writeFileSync(path, onnxModel(model))
  return path
}

/** Largest difference between two tensors of numbers. */
export function largestDifference(a: Tensor | undefined, b: Tensor | undefined): number {
  const [x, y] = [a?.data as Float32Array, b?.data as Float32Array]
  return Math.max(...y.map((value, i) => Math.abs(value - (x[i] ?? Number.NaN))))
}
