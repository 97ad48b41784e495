import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { buildRelay } from '#lib/compile/build.js'
import { optimize } from '#lib/compile/optimize.js'
import { importModel } from '#lib/frontend/onnx/import.js'
import { readTestDataSets } from '#lib/frontend/onnx/test-data.js'
import { tensorNumbers } from '#lib/frontend/onnx/value.js'
import { IRModule } from '#lib/ir/module.js'
import { Call, dtypeOf, type Expr, Op } from '#lib/ir/relay.js'
import { rewrite } from '#lib/ir/rewrite.js'
import { target } from '#lib/ir/target.js'
import { withPassContext } from '#lib/ir/transform.js'
import { registerOperators } from '#lib/ops/register.js'
import { getGlobalFunc, type Module, openLibrary } from '#lib/runtime/index.js'
import type { Tensor } from '#lib/tensor.js'
import { runHere, type Tensors } from '../support/run-onnx.js'

const models = fileURLToPath(new URL('../fixtures/quantized', import.meta.url))
const names = readdirSync(models).filter((name) => !name.includes('.'))

/** The scale of each network's last quantisation. */
const steps: Readonly<Record<string, number>> = {
  ad_autoencoder_int8: 0.05770541,
  ic_resnet8_int8: 0.00392157,
  kws_dscnn_int8: 0.00392157,
  kws_tcresnet8_int8: 0.10925297,
  vww_mobilenet_v1_025_int8: 0.00392157,
}

beforeAll(() => {
  openLibrary()
  registerOperators()
})
// Lets the worker answer the test runner between builds.
afterEach(() => setImmediate())

test.each(names)('%s gives the output stored beside it, within a step', (name) => {
  const sets = readTestDataSets(join(models, name))
  expect(sets.length).toBeGreaterThan(0)
  for (const { inputs, outputs } of sets) {
    const results = runHere(join(models, name, 'model.onnx'), inputs as Tensors)
    for (const [output, expected] of Object.entries(outputs)) {
      const want = tensorNumbers(expected as Tensor)
      const got = tensorNumbers(results[output] as Tensor)
      const worst = Math.max(...got.map((value, i) => Math.abs(value - (want[i] as number))))
      expect(worst).toBeLessThanOrEqual((steps[name] as number) * 1.001)
    }
  }
})

test.each([0, 1, 2, 4])('the same at optimisation level %i', (optLevel) => {
  const name = 'kws_dscnn_int8'
  const [set] = readTestDataSets(join(models, name))
  const results = runHere(join(models, name, 'model.onnx'), set?.inputs as Tensors, { optLevel })
  for (const [output, expected] of Object.entries(set?.outputs ?? {})) {
    const got = tensorNumbers(results[output] as Tensor)
    for (const [i, want] of tensorNumbers(expected as Tensor).entries())
      expect(Math.abs((got[i] as number) - want)).toBeLessThanOrEqual((steps[name] as number) * 1.001)
  }
})

/** Types of operands and result of each convolution and dense layer of the optimised network. */
function productTypes(name: string, spec: string): string[] {
  const { func } = importModel(join(models, name, 'model.onnx'))
  const mod = withPassContext({ optLevel: 3 }, () => optimize(IRModule.fromFunction(func), target(spec), 3))
  const found: string[] = []
  rewrite(mod.lookup(), (expr: Expr) => {
    if (expr instanceof Call && expr.op instanceof Op && /conv|dense|matmul/.test(expr.op.name))
      found.push([...expr.args, expr].map(dtypeOf).join(' '))
    return expr
  })
  return found
}

test.each(names)('%s multiplies bytes and sums in 32 bits', (name) => {
  const types = productTypes(name, 'llvm -mcpu=cascadelake')
  expect(types.length).toBeGreaterThan(5)
  expect(new Set(types)).toEqual(new Set(['uint8 int8 int32']))
})

/** Instructions of the functions for convolutions and dense layers, by LLVM's names. */
function instructions(name: string, spec: string): { product: string; calls: string[] }[] {
  const { func } = importModel(join(models, name, 'model.onnx'))
  const { module } = buildRelay(func, target(spec))
  const source = (of: Module): string =>
    of.typeKey === 'llvm'
      ? (getGlobalFunc('runtime.ModuleGetSource')(of, 'll') as string)
      : of.imports.map(source).join('\n')
  const functions = source(module).split(/^define /m)
  return functions
    .filter((text) => /^[^{]*fused_nn_(contrib_)?(conv2d|dense)[^{]*_compute_\(/.test(text))
    .map((text) => ({
      product: /@(\w+)/.exec(text)?.[1] ?? '',
      calls: [...new Set(text.match(/llvm\.x86\.[\w.]+/g))],
    }))
}

describe('products of bytes are single instructions', () => {
  test.each([
    ['llvm -mcpu=cascadelake', /vpdpbusd/],
    ['llvm -mcpu=alderlake', /vpdpbusd\.(256|128)/],
    ['llvm -mcpu=skylake-avx512', /pmaddw\.d\.512|pmadd\.wd/],
    ['llvm -mcpu=x86-64-v3', /(avx2|sse2)\.pmadd\.wd/],
    ['llvm -mcpu=x86-64-v2', /sse2\.pmadd\.wd/],
  ])('%s', (spec, instruction) => {
    const found = instructions('kws_dscnn_int8', spec)
    expect(found.length).toBeGreaterThan(2)
    for (const { calls } of found) {
      expect(calls.some((call) => instruction.test(call))).toBe(true)
      // Saturates.
      expect(calls.some((call) => /pmadd\.ub|pmaddubs/.test(call))).toBe(false)
    }
  })
})
