import { expect } from 'vitest'
import { buildRelay } from '#lib/compile/build.js'
import { constant, type Expr, func, variable } from '#lib/ir/relay.js'
import { target } from '#lib/ir/target.js'
import { native } from '#lib/native.js'
import type { DesiredLayouts } from '#lib/ops/desired-layouts.js'
import { getGlobalFunc, type Module, NDArray, openLibrary } from '#lib/runtime/index.js'
import type { Tensor } from '#lib/tensor.js'
import type { Array32 } from './reference.js'

interface RunOptions {
  readonly target?: string
  readonly optLevel?: number
  readonly desiredLayouts?: DesiredLayouts
}

/** Whether this machine's processor has what code for a target may use: other code would end the process. */
export function runsHere(name: string): boolean {
  openLibrary()
  const present = new Set(native.cpuFeatures())
  return target(name).cpuFeatures.every((feature) => present.has(feature))
}

/** Numbers that are part of a network. */
export const constantOf = ({ shape, data }: Array32) =>
  constant({ dtype: 'float32', shape: [...shape], data })

/** Builds `body` of the given inputs, runs it by the graph executor and returns its single output. */
export function run(
  inputs: readonly Array32[],
  body: (...inputs: Expr[]) => Expr,
  options: RunOptions = {},
): Array32 {
  const tensors = inputs.map(({ shape, data }) => ({ dtype: 'float32' as const, shape, data }))
  return runTensors(tensors, body, options)[0] as Array32
}

/** As `run`, for inputs of any type and all outputs. */
export function runTensors(
  inputs: readonly Tensor[],
  body: (...inputs: Expr[]) => Expr,
  options: RunOptions = {},
): Tensor[] {
  openLibrary()
  const params = inputs.map(({ shape, dtype }, i) => variable(`x${i}`, [...shape], dtype))
  const built = buildRelay(func(params, body(...params)), target(options.target ?? 'llvm -mcpu=native'), {
    optLevel: options.optLevel ?? 3,
    desiredLayouts: options.desiredLayouts,
  })
  const executor = getGlobalFunc('tvm.graph_executor.create')(built.graph, built.module, 1, 0) as Module
  const method = (name: string) =>
    executor.getFunction(name) as NonNullable<ReturnType<Module['getFunction']>>
  for (const [name, value] of built.params) method('set_input')(name, value)
  for (const [i, input] of inputs.entries()) method('set_input')(`x${i}`, NDArray.from(input))
  method('run')()
  const count = method('get_num_outputs')() as number
  return Array.from({ length: count }, (_, i) => (method('get_output')(i) as NDArray).toTensor())
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
