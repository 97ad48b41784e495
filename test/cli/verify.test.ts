import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { message } from '#lib/frontend/onnx/schema.js'
import { type Tensor, tensor } from '#lib/tensor.js'
import { cli } from '../support/cli.js'
import { type ModelDescription, onnxModel, tensorProto } from '../support/onnx-writer.js'
import { scratchFolder } from '../support/scratch.js'

const fixtures = fileURLToPath(new URL('../fixtures/models', import.meta.url))
const scratch = scratchFolder()

interface DataSet {
  readonly inputs: readonly Tensor[]
  readonly outputs: readonly Tensor[]
}

/** A folder as the ONNX backend tests have it. */
function testFolder(name: string, model: ModelDescription, sets: readonly DataSet[]): string {
  const folder = join(scratch, name)
  mkdirSync(folder)
  writeFileSync(join(folder, 'model.onnx'), onnxModel(model))
  for (const [i, set] of sets.entries()) {
    const data = join(folder, `test_data_set_${i}`)
    mkdirSync(data)
    for (const kind of ['inputs', 'outputs'] as const) {
      for (const [k, value] of set[kind].entries()) {
        const bytes = message('TensorProto')
          .encode(tensorProto(value) as never)
          .finish()
        writeFileSync(join(data, `${kind.slice(0, -1)}_${k}.pb`), bytes)
      }
    }
  }
  return folder
}

const f32 = (values: number[], shape: number[] = [values.length]) => tensor(new Float32Array(values), shape)
const i64 = (...values: number[]) => tensor(BigInt64Array.from(values.map(BigInt)))

const double: ModelDescription = {
  opset: 13,
  inputs: { x: { dtype: 'float32', shape: ['n', 'm'] } },
  nodes: [{ op: 'Add', inputs: ['x', 'x'], outputs: ['y'] }],
  outputs: ['y'],
}

test('networks that agree pass, with a line each and a sum', async () => {
  const folders = ['kws_dscnn', 'ad_autoencoder'].map((name) => join(fixtures, name))
  const { code, stdout } = await cli(['verify', ...folders, '--jobs', '2'])
  expect(code).toBe(0)
  expect(stdout).toMatch(/^ok +kws_dscnn, largest error \d/m)
  expect(stdout).toMatch(/^ok +ad_autoencoder, largest error \d/m)
  expect(stdout).toMatch(/\n2 passed, 0 failed\n$/)
})

test('every data set is run, whatever its shape', async () => {
  const sets = [
    [1, 2],
    [2, 3],
    [1, 2],
  ].map(([n = 0, m = 0], k) => {
    const values = Array.from({ length: n * m }, (_, i) => i + k)
    return {
      inputs: [f32(values, [n, m])],
      outputs: [
        f32(
          values.map((value) => 2 * value),
          [n, m],
        ),
      ],
    }
  })
  const good = testFolder('shapes', double, sets)
  const last = sets[2] as DataSet
  const bad = testFolder('last_is_wrong', double, [
    ...sets.slice(0, 2),
    { ...last, outputs: [f32([4, 7], [1, 2])] },
  ])
  const { code, json } = await cli(['verify', good, bad, '--jobs', '1', '--json'])
  expect(code).toBe(1)
  expect(json).toEqual([
    { name: 'shapes', ok: true, max_abs_error: 0, phase: null, reason: null, ms: expect.any(Number) },
    {
      name: 'last_is_wrong',
      ok: false,
      max_abs_error: 1,
      phase: 'compare',
      reason: "output 'y' of test_data_set_2 element 1 is 6 instead of 7",
      ms: expect.any(Number),
    },
  ])
})

test('tolerances are as asked for', async () => {
  const folder = testFolder('near', double, [
    { inputs: [f32([1, 50], [1, 2])], outputs: [f32([2.01, 100.2], [1, 2])] },
  ])
  const verify = async (...options: string[]) =>
    (await cli(['verify', folder, '--json', ...options])).json[0].ok
  expect(await verify()).toBe(false)
  expect(await verify('--rtol', '0', '--atol', '0.1')).toBe(false)
  expect(await verify('--rtol', '0', '--atol', '0.21')).toBe(true)
  expect(await verify('--rtol', '0.003', '--atol', '0')).toBe(false)
  expect(await verify('--rtol', '0.005', '--atol', '0')).toBe(true)
})

test('what is no number must be none, and infinities must agree', async () => {
  const model: ModelDescription = {
    opset: 13,
    inputs: { x: { dtype: 'float32', shape: [3] } },
    nodes: [{ op: 'Log', inputs: ['x'], outputs: ['y'] }],
    outputs: ['y'],
  }
  const inputs = [f32([-1, 0, 1])]
  const good = testFolder('log', model, [
    { inputs, outputs: [f32([Number.NaN, Number.NEGATIVE_INFINITY, 0])] },
  ])
  const bad = testFolder('not_log', model, [
    { inputs, outputs: [f32([Number.NaN, Number.POSITIVE_INFINITY, 0])] },
  ])
  const missing = testFolder('no_nan', model, [{ inputs, outputs: [f32([0, Number.NEGATIVE_INFINITY, 0])] }])
  const { json } = await cli(['verify', good, bad, missing, '--jobs', '1', '--json', '--atol', '10'])
  expect(json.map(({ ok }) => ok)).toEqual([true, false, false])
})

test('inputs on whose values shapes depend are fixed to those of the data set', async () => {
  const reshape: ModelDescription = {
    opset: 13,
    inputs: { x: { dtype: 'float32', shape: [2, 3] }, shape: { dtype: 'int64', shape: [2] } },
    nodes: [{ op: 'Reshape', inputs: ['x', 'shape'], outputs: ['y'] }],
    outputs: ['y'],
  }
  const values = [1, 2, 3, 4, 5, 6]
  const folder = testFolder('reshape', reshape, [
    { inputs: [f32(values, [2, 3]), i64(3, 2)], outputs: [f32(values, [3, 2])] },
    { inputs: [f32(values, [2, 3]), i64(1, 6)], outputs: [f32(values, [1, 6])] },
  ])
  const { json } = await cli(['verify', folder, '--json'])
  expect(json[0]).toMatchObject({ ok: true, max_abs_error: 0 })
})

test('folders that cannot be verified fail in the phase that says why', async () => {
  const empty = join(scratch, 'empty')
  mkdirSync(empty)
  const noData = testFolder('no_data', double, [])
  const unknown = testFolder(
    'unknown',
    { ...double, nodes: [{ op: 'Frobnicate', inputs: ['x'], outputs: ['y'] }] },
    [{ inputs: [f32([1], [1, 1])], outputs: [f32([1], [1, 1])] }],
  )
  const damaged = join(scratch, 'damaged')
  cpSync(join(fixtures, 'kws_dscnn'), damaged, { recursive: true })
  writeFileSync(join(damaged, 'test_data_set_0', 'output_0.pb'), 'no tensor')
  const good = join(fixtures, 'kws_dscnn')
  const folders = [join(scratch, 'nowhere'), empty, noData, unknown, damaged, good]
  const { code, json } = await cli(['verify', ...folders, '--jobs', '1', '--json'])
  expect(code).toBe(1)
  expect(json.map(({ name, phase, reason }) => [name, phase, reason?.split(':')[0] ?? null])).toEqual([
    ['nowhere', 'read', 'ERR_MODEL_READ'],
    ['empty', 'read', 'ERR_MODEL_READ'],
    ['no_data', 'read', 'ERR_MODEL_READ'],
    ['unknown', 'compile', 'ERR_UNSUPPORTED_OPERATOR'],
    ['damaged', 'read', 'ERR_MODEL_READ'],
    ['kws_dscnn', null, null],
  ])
})

test('a model that takes too long is given up', async () => {
  const { json } = await cli(['verify', join(fixtures, 'ic_resnet8'), '--timeout', '0.2', '--json'])
  expect(json[0]).toMatchObject({ ok: false, phase: 'compile', max_abs_error: null })
  expect(json[0].reason).toMatch(/^ERR_TIMEOUT/)
})
