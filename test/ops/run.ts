import { expect } from 'vitest'
import { buildRelay } from '#lib/compile/build.js'
import { type Expr, func, variable } from '#lib/ir/relay.js'
import { target } from '#lib/ir/target.js'
import { getGlobalFunc, type Module, NDArray, openLibrary } from '#lib/runtime/index.js'
import type { Array32 } from './reference.js'

/** Builds `body` of the given inputs, runs it by the graph executor and returns its single output. */
export function run(
  inputs: readonly Array32[],
  body: (...inputs: Expr[]) => Expr,
  options: { target?: string; optLevel?: number } = {},
): Array32 {
  openLibrary()
  const params = inputs.map(({ shape }, i) => variable(`x${i}`, [...shape], 'float32'))
  const built = buildRelay(func(params, body(...params)), target(options.target ?? 'llvm -mcpu=native'), {
    optLevel: options.optLevel ?? 3,
  })
  const executor = getGlobalFunc('tvm.graph_executor.create')(built.graph, built.module, 1, 0) as Module
  const method = (name: string) =>
    executor.getFunction(name) as NonNullable<ReturnType<Module['getFunction']>>
  for (const [name, value] of built.params) method('set_input')(name, value)
  for (const [i, { shape, data }] of inputs.entries()) {
    method('set_input')(`x${i}`, NDArray.from({ dtype: 'float32', shape, data }))
  }
  method('run')()
  return (method('get_output')(0) as NDArray).toTensor() as Array32
}

/** Equal up to the rounding of sums in single precision, measured against the largest value. */
export function expectClose(actual: Array32, wanted: Array32, tolerance = 1e-5): void {
  expect(actual.shape).toEqual(wanted.shape)
  let largest = 0
  let error = 0
  for (const [i, value] of wanted.data.entries()) {
    largest = Math.max(largest, Math.abs(value))
    error = Math.max(error, Math.abs(value - (actual.data[i] as number)))
  }
  expect(error / Math.max(largest, 1e-30)).toBeLessThanOrEqual(tolerance)
}
