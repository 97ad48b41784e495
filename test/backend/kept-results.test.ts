import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { TvmBackend } from '#lib/backend/backend.js'
import { ResultStore } from '#lib/results/store.js'
import { tensor } from '#lib/tensor.js'
import { onnxModel } from '../support/onnx-writer.js'
import { scratchFolder } from '../support/scratch.js'

const folder = scratchFolder()
const x = tensor(Float32Array.of(1, 2, 3), [1, 3])

function model(op = 'Relu'): Uint8Array {
  return onnxModel({
    opset: 17,
    nodes: [{ op, inputs: ['x'], outputs: ['y'] }],
    inputs: { x: { dtype: 'float32', shape: [1, 3] } },
    outputs: ['y'],
  })
}

async function train(backend: TvmBackend, sources: readonly (() => Uint8Array)[]): Promise<void> {
  const evaluation = backend.evaluation()
  for (const source of sources) {
    await evaluation.onValidationEpochStart(source)
    evaluation.onValidationBatchEnd(0, { inputs: x, outputs: x })
    await evaluation.onValidationEpochEnd()
  }
}

test('what was measured and what failed is kept, epoch by epoch', async () => {
  const path = join(folder, 'results.db')
  const backend = await TvmBackend.create({ board: 'local_cpu', val_frequency: 2, results: path })
  await train(backend, [() => model(), () => model(), () => model('Rleu')])
  await backend.dispose()
  await using store = await ResultStore.open(path)
  const [failed, measured, ...more] = await store.list()
  expect(more).toEqual([])
  expect(failed).toMatchObject({ kind: 'evaluation', epoch: 2, stage: 'validation', status: 'failed' })
  expect(measured).toMatchObject({
    epoch: 0,
    status: 'ok',
    board: 'local_cpu',
    tuner: 'baseline',
    run: failed?.run,
    metrics: { val_backend_mse: 0, val_backend_sqnr_db: Number.POSITIVE_INFINITY },
  })
  expect((await store.get(failed?.id ?? 0)).details.error).toMatchObject({ code: 'ERR_UNSUPPORTED_OPERATOR' })
  const { details } = await store.get(measured?.id ?? 0)
  expect(details).toMatchObject({ rebuilt: 'all', batches: 1, outputs: { y: { count: 3 } } })
  expect(details.profile).not.toHaveLength(0)
})

test('a file that cannot be written costs its results and nothing else', async () => {
  const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
  try {
    const backend = await TvmBackend.create({ board: 'local_cpu', results: join(folder, 'no', 'results.db') })
    const evaluation = backend.evaluation()
    await evaluation.onValidationEpochStart(() => model())
    evaluation.onValidationBatchEnd(0, { inputs: x, outputs: x })
    expect(await evaluation.onValidationEpochEnd()).toMatchObject({ status: 'measured' })
    await backend.dispose()
    expect(warning).toHaveBeenCalledWith(expect.objectContaining({ code: 'ERR_RESULTS' }))
  } finally {
    warning.mockRestore()
  }
})
