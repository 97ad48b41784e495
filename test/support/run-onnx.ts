import * as ort from 'onnxruntime-node'
import { expect } from 'vitest'
import { buildRelay } from '#lib/compile/build.js'
import { type ImportOptions, importModel } from '#lib/frontend/onnx/import.js'
import { tensorNumbers } from '#lib/frontend/onnx/value.js'
import { target } from '#lib/ir/target.js'
import { getGlobalFunc, type Module, NDArray } from '#lib/runtime/index.js'
import type { Tensor } from '#lib/tensor.js'

export type Tensors = Record<string, Tensor>

/** Imports, builds and runs a model in this process. */
export function runHere(
  model: string | Uint8Array,
  feeds: Tensors,
  { optLevel = 3, ...options }: ImportOptions & { optLevel?: number } = {},
): Tensors {
  const imported = importModel(model, options)
  const built = buildRelay(imported.func, target('llvm'), { optLevel })
  const executor = getGlobalFunc('tvm.graph_executor.create')(built.graph, built.module, 1, 0) as Module
  const call = (name: string, ...args: unknown[]) => executor.getFunction(name)?.(...(args as never[]))
  for (const [name, value] of built.params) call('set_input', name, value)
  for (const { name, internal } of imported.inputs)
    call('set_input', internal, NDArray.from(feeds[name] as Tensor))
  call('run')
  return Object.fromEntries(
    imported.outputs.map(({ name }, i) => [name, (call('get_output', i) as NDArray).toTensor()]),
  )
}

/** Runs a model with ONNX Runtime. */
export async function runReference(model: string | Uint8Array, feeds: Tensors): Promise<Tensors> {
  const session = await ort.InferenceSession.create(model as Uint8Array, { logSeverityLevel: 3 })
  const inputs = Object.entries(feeds).map(([name, { dtype, data, shape }]) => [
    name,
    new ort.Tensor(dtype as 'float32', data as Float32Array, [...shape]),
  ])
  const outputs = await session.run(Object.fromEntries(inputs))
  await session.release()
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { type, data, dims }]) => [
      name,
      { dtype: type, shape: dims, data } as unknown as Tensor,
    ]),
  )
}

/**
 * Compares element by element: the default is 1e-4 of the expected value and 1e-5, as single precision sums of a few hundred
 * terms in another order differ by that much.
 */
export function expectClose(actual: Tensors, expected: Tensors, { rtol = 1e-4, atol = 1e-5 } = {}): void {
  expect(Object.keys(actual)).toEqual(Object.keys(expected))
  for (const [name, want] of Object.entries(expected)) {
    const got = actual[name] as Tensor
    expect({ dtype: got.dtype, shape: [...got.shape] }).toEqual({ dtype: want.dtype, shape: [...want.shape] })
    const [a, b] = [tensorNumbers(got), tensorNumbers(want)]
    const wrong = a.findIndex((x, i) => {
      const y = b[i] as number
      return !(Object.is(x, y) || x === y || Math.abs(x - y) <= atol + rtol * Math.abs(y))
    })
    if (wrong >= 0) expect.fail(`${name}[${wrong}] is ${a[wrong]}, expected ${b[wrong]}`)
  }
}
