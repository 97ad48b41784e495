import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TvmBackend } from '#lib/backend/backend.js'
import type { EvaluationResult } from '#lib/backend/results.js'
import { load } from '#lib/session/load.js'
import { type Tensor, tensor } from '#lib/tensor.js'
import { network } from '../support/artifacts.js'
import { onnxModel } from '../support/onnx-writer.js'
import { scratchFolder } from '../support/scratch.js'

const folder = scratchFolder()

/** y = x W, of batch 1, with 3 classes. */
function model(weights: number[] = [1, 0, 0, 0, 1, 0, 0, 0, 1]): Uint8Array {
  return onnxModel({
    opset: 17,
    nodes: [{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }],
    inputs: { x: { dtype: 'float32', shape: [1, 3] } },
    outputs: ['y'],
    initializers: { w: tensor(Float32Array.from(weights), [3, 3]) },
  })
}
const x = tensor(Float32Array.of(1, 2, 3, 6, 5, 4), [2, 3])

let backend: TvmBackend
beforeAll(async () => {
  backend = await TvmBackend.create({ board: 'local_cpu', val_frequency: 3, val_batches: 2, test_batches: 1 })
})
afterAll(() => backend.dispose())

/** One validation with as many batches. */
async function validate(
  evaluation: ReturnType<TvmBackend['evaluation']>,
  batches: readonly { inputs: Tensor; outputs?: Tensor }[],
  source: () => Uint8Array = model,
) {
  await evaluation.onValidationEpochStart(source)
  for (const [i, batch] of batches.entries()) evaluation.onValidationBatchEnd(i, batch)
  return evaluation.onValidationEpochEnd()
}

test('every third validation is measured, the first included, on its first two batches', async () => {
  const results: EvaluationResult[] = []
  let exports = 0
  const source = () => {
    exports++
    return model()
  }
  using evaluation = backend.evaluation({ onResult: (result) => results.push(result) })
  const batch = { inputs: x, outputs: x }
  for (let epoch = 0; epoch < 5; epoch++) await validate(evaluation, [batch, batch, batch], source)
  expect(exports).toBe(2)
  expect(results.map(({ epoch, status }) => [epoch, status])).toEqual([
    [0, 'measured'],
    [1, 'skipped'],
    [2, 'skipped'],
    [3, 'measured'],
    [4, 'skipped'],
  ])
  expect(results[0]).toMatchObject({
    stage: 'validation',
    batches: 2,
    metrics: {
      val_backend_mse: 0,
      val_backend_top1_agreement: 1,
      val_backend_sqnr_db: Number.POSITIVE_INFINITY,
    },
    outputs: { y: { count: 12 } },
  })
  expect(results[1]).toMatchObject({ reason: 'not_due' })
})

test('a sanity check counts for nothing', async () => {
  using evaluation = backend.evaluation()
  await evaluation.onValidationEpochStart(model, { sanityCheck: true })
  evaluation.onValidationBatchEnd(0, { inputs: x })
  await evaluation.onValidationEpochEnd({ sanityCheck: true })
  expect(await validate(evaluation, [{ inputs: x, outputs: x }])).toMatchObject({
    epoch: 0,
    status: 'measured',
  })
})

test('the reference is ONNX Runtime where the trainer gives none', async () => {
  using evaluation = backend.evaluation()
  const result = await validate(evaluation, [{ inputs: x }])
  expect(result).toMatchObject({ status: 'measured', metrics: { val_backend_mse: 0 } })
})

test('one flipped weight shows in the metrics', async () => {
  using evaluation = backend.evaluation()
  const result = await validate(evaluation, [{ inputs: x, outputs: x }], () =>
    model([-1, 0, 0, 0, 1, 0, 0, 0, 1]),
  )
  // The first of three classes is off by 2 * 1 and 2 * 6: (4 + 144) / 6.
  expect(result).toMatchObject({ metrics: { val_backend_top1_agreement: 0.5 } })
  expect((result as { metrics: Record<string, number> }).metrics.val_backend_mse).toBeCloseTo(148 / 6, 6)
})

test('a test is always measured, and exported', async () => {
  const exportTo = join(folder, 'tested.tvm')
  using evaluation = backend.evaluation({ exportTo })
  for (let i = 0; i < 2; i++) {
    await evaluation.onTestEpochStart(model())
    evaluation.onTestBatchEnd(0, { inputs: { x }, outputs: { y: x } })
    evaluation.onTestBatchEnd(1, { inputs: { x }, outputs: { y: tensor(new Float32Array(6), [2, 3]) } })
    expect(await evaluation.onTestEnd()).toMatchObject({
      stage: 'test',
      epoch: i,
      status: 'measured',
      batches: 1,
      metrics: { test_backend_mse: 0 },
    })
  }
  await using session = await load(exportTo)
  expect(session.inputs).toMatchObject([{ name: 'x', shape: [1, 3] }])
})

describe('in the background', () => {
  test('hooks return at once, the latest epoch wins, and each has a result', async () => {
    const results: EvaluationResult[] = []
    await using own = await TvmBackend.create({ board: 'local_cpu', val_frequency: 1 })
    const evaluation = own.evaluation({ policy: 'background', onResult: (result) => results.push(result) })
    for (let epoch = 0; epoch < 4; epoch++) {
      expect(await validate(evaluation, [{ inputs: x, outputs: x }])).toEqual({
        stage: 'validation',
        epoch,
        status: 'queued',
      })
    }
    await evaluation.idle()
    expect(results).toHaveLength(4)
    const byEpoch = results.sort((a, b) => a.epoch - b.epoch)
    expect(byEpoch.at(-1)).toMatchObject({ status: 'measured' })
    expect(byEpoch.slice(1, 3)).toMatchObject([{ reason: 'superseded' }, { reason: 'superseded' }])
  })

  test('the trainer may use its memory again', async () => {
    const results: EvaluationResult[] = []
    using evaluation = backend.evaluation({
      policy: 'background',
      onResult: (result) => results.push(result),
    })
    const [inputs, outputs] = [
      tensor(x.data.slice() as Float32Array, [2, 3]),
      tensor(x.data.slice() as Float32Array, [2, 3]),
    ]
    await validate(evaluation, [{ inputs, outputs }])
    ;(inputs.data as Float32Array).fill(0)
    ;(outputs.data as Float32Array).fill(9)
    await evaluation.idle()
    expect(results).toMatchObject([{ status: 'measured', metrics: { val_backend_mse: 0 } }])
  })

  test('disposal gives a result to what waits and runs', async () => {
    const results: EvaluationResult[] = []
    const own = await TvmBackend.create({ board: 'local_cpu', val_frequency: 1 })
    const evaluation = own.evaluation({ policy: 'background', onResult: (result) => results.push(result) })
    for (let epoch = 0; epoch < 2; epoch++) {
      await validate(evaluation, [{ inputs: x, outputs: x }])
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await own.dispose()
    await evaluation.idle()
    expect(results.map(({ epoch, status }) => [epoch, status]).sort()).toEqual([
      [0, 'skipped'],
      [1, 'skipped'],
    ])
    await expect(own.run({ x })).rejects.toMatchObject({ code: 'ERR_DISPOSED' })
  })
})

test('a time that is over fails the epoch, not the training', async () => {
  await using own = await TvmBackend.create({ board: 'local_cpu' })
  using evaluation = own.evaluation({ timeBudgetMs: 30 })
  expect(await validate(evaluation, [{ inputs: x, outputs: x }])).toMatchObject({
    status: 'failed',
    phase: 'prepare',
    code: 'ERR_TIMEOUT',
  })
})

describe('what goes wrong becomes a result', () => {
  const outputs = x
  test.each([
    [
      'a model that cannot be made',
      [{ inputs: x, outputs }],
      () => {
        throw new Error('no export')
      },
      'model',
      /no export/,
    ],
    [
      'a model that is none',
      [{ inputs: x, outputs }],
      () => Uint8Array.of(1, 2),
      'prepare',
      /not an ONNX model/,
    ],
    ['a model of the wrong kind', [{ inputs: x, outputs }], () => 5, 'model', /path or bytes/],
    [
      'inputs of a wrong shape',
      [{ inputs: tensor(new Float32Array(4), [1, 4]), outputs }],
      model,
      'measure',
      /must be float32 of shape \[1,3\]/,
    ],
    ['inputs of a wrong name', [{ inputs: { z: x }, outputs }], model, 'measure', /no input 'z'/],
    [
      'a reference of a wrong shape',
      [{ inputs: x, outputs: tensor(new Float32Array(4)) }],
      model,
      'compare',
      /shape/,
    ],
    ['a reference of a wrong name', [{ inputs: x, outputs: { z: x } }], model, 'compare', /no output 'y'/],
    ['no batch at all', [{ inputs: undefined }], model, 'compare', /.*/],
  ])('%s', async (_what, batches, source, phase, reason) => {
    using evaluation = backend.evaluation()
    const result = await validate(evaluation, batches as never, source as never)
    expect(result).toMatchObject({ status: 'failed', phase, reason: expect.stringMatching(reason) })
  })
})

test('outputs that are no numbers are reported as such', async () => {
  using evaluation = backend.evaluation()
  const result = await validate(evaluation, [{ inputs: x, outputs: x }], () =>
    model([Number.NaN, 0, 0, 0, Number.POSITIVE_INFINITY, 0, 0, 0, 1]),
  )
  expect(result).toMatchObject({ status: 'measured', outputs: { y: { count: 6 } } })
  const { outputs } = result as Extract<EvaluationResult, { status: 'measured' }>
  expect((outputs.y?.nan ?? 0) + (outputs.y?.infinite ?? 0)).toBeGreaterThan(0)
  expect(outputs.y?.mse).toBeNaN()
})

test('batch counts of 0 switch a stage off', async () => {
  await using own = await TvmBackend.create({ board: 'local_cpu', val_batches: 0, test_batches: 0 })
  using evaluation = own.evaluation()
  expect(await validate(evaluation, [{ inputs: x }])).toMatchObject({
    status: 'skipped',
    reason: 'no_batches',
  })
  await evaluation.onTestEpochStart(model)
  expect(await evaluation.onTestEnd()).toMatchObject({ status: 'skipped', reason: 'no_batches' })
})

test('hooks out of order are no errors', async () => {
  using evaluation = backend.evaluation()
  evaluation.onValidationBatchEnd(0, { inputs: x })
  expect(await evaluation.onValidationEpochEnd()).toMatchObject({ status: 'skipped', reason: 'no_batches' })
})

test('a listener that throws does no harm', async () => {
  using evaluation = backend.evaluation({
    onResult: () => {
      throw new Error('listener')
    },
  })
  const warned = new Promise<Error>((resolve) => process.once('warning', resolve))
  expect(await validate(evaluation, [{ inputs: x, outputs: x }])).toMatchObject({ status: 'measured' })
  expect((await warned).message).toBe('listener')
})

test('a network of the tests, from a path, agrees with its reference', async () => {
  await using own = await TvmBackend.create({ board: 'local_cpu' })
  const { model: path, inputs, outputs } = network('kws_dscnn')
  await own.prepare(path)
  const { outputs: got, metrics, profile } = await own.profile(inputs)
  for (const [name, expected] of Object.entries(outputs)) {
    const data = got[name]?.data as Float32Array
    expect(Math.max(...data.map((value, i) => Math.abs(value - Number(expected.data[i]))))).toBeLessThan(1e-5)
  }
  expect(metrics.duration).toBeCloseTo((metrics.latency_us as number) / 1e6, 12)
  expect(profile.length).toBeGreaterThan(5)
  const parameters = metrics.parameter_bytes as number
  expect(parameters).toBeGreaterThan(50_000)
  expect(metrics.memory_bytes).toBe(parameters + (metrics.workspace_bytes as number))
  await own.export(join(folder, 'exported.tvm'))
  expect(existsSync(join(folder, 'exported.tvm'))).toBe(true)
  expect(await own.prepare(readFileSync(path))).toMatchObject({ rebuilt: 'nothing' })
  expect(await own.available()).toBe(true)
})

test('a backend without a network says so', async () => {
  await using own = await TvmBackend.create({ board: 'local_cpu' })
  await expect(own.run({ x })).rejects.toMatchObject({ code: 'ERR_NOT_PREPARED' })
  expect(() => own.inputs).toThrow(/prepare/)
})

test.each([{ polcy: 'await' }, { policy: 'later' }, { validation: { timeBudget: 1 } }])(
  'evaluation refuses %j',
  (options) => {
    expect(() => backend.evaluation(options as never)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }),
    )
  },
)
