import { expect, test } from 'vitest'
import { TvmBackend } from '#lib/backend/backend.js'
import { onnxModel } from '../support/onnx-writer.js'
import { randomTensor } from '../support/random.js'

function model(seed: number): Uint8Array {
  return onnxModel({
    opset: 17,
    inputs: { x: { dtype: 'float32', shape: [1, 16, 8, 8] } },
    nodes: [{ op: 'Conv', inputs: ['x', 'w'], outputs: ['y'], attrs: { pads: [1, 1, 1, 1] } }],
    outputs: ['y'],
    initializers: { w: randomTensor([16, 16, 3, 3], 'float32', -1, 1, seed) },
  })
}
const tuner = {
  name: 'autotvm',
  mode: 'random',
  task_budget: 2,
  runner: { repeat: 1, min_repeat_ms: 0 },
} as const

test('a graph is tuned once; its records serve for other weights', async () => {
  await using backend = await TvmBackend.create({ board: 'local_cpu', tuner })
  const phases: string[][] = [[], []]
  const prepare = (i: number) =>
    backend.prepare(model(i), { onProgress: ({ phase }) => void phases[i]?.push(phase) })
  expect(await prepare(0)).toMatchObject({ rebuilt: 'all' })
  expect(await prepare(1)).toMatchObject({ rebuilt: 'parameters' })
  expect(phases[0]).toContain('tune')
  expect(phases[1]).not.toContain('tune')
})

test('tune: false leaves the tuner out', async () => {
  await using backend = await TvmBackend.create({ board: 'local_cpu', tuner, tune: false })
  const phases: string[] = []
  await backend.prepare(model(0), { onProgress: ({ phase }) => void phases.push(phase) })
  expect(phases).not.toContain('tune')
})
