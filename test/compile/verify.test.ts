import { expect, test } from 'vitest'
import { compile } from '#lib/compile/compile.js'
import { compareBuilds } from '#lib/compile/verify.js'
import { type Tensor, tensor } from '#lib/tensor.js'
import { onnxModel } from '../support/onnx-writer.js'
import { randomTensor } from '../support/random.js'

/** Two outputs: a product whose weights are scaled, and another that is always the same. */
const network = (scale: number, type: 'float32' | 'int8' = 'float32') => {
  const weights = randomTensor([4, 3])
  const scaled = tensor(
    Float32Array.from(weights.data as Float32Array, (w) => w * scale),
    [4, 3],
  )
  const quantized = type === 'int8'
  return onnxModel({
    opset: 13,
    nodes: [
      { op: 'MatMul', inputs: ['x', 'w'], outputs: [quantized ? 'sum' : 'product'] },
      ...(quantized ? [{ op: 'QuantizeLinear', inputs: ['sum', 's', 'z'], outputs: ['product'] }] : []),
      { op: 'Relu', inputs: ['x'], outputs: ['same'] },
    ],
    inputs: { x: { dtype: 'float32', shape: [2, 4] } },
    outputs: ['product', 'same'],
    initializers: {
      w: scaled,
      s: tensor(Float32Array.of(0.05), []),
      z: tensor(Int8Array.of(3), []),
    } satisfies Record<string, Tensor>,
  })
}
const options = { cache: false, target: 'llvm' }

test('a network that agrees says by how much each output differs', async () => {
  await using artifact = await compile(network(1), { ...options, verify: { seed: 7, rounds: 3 } })
  expect(artifact.verification).toMatchObject({ seed: 7, rounds: 3 })
  const outputs = artifact.verification?.outputs ?? []
  expect(outputs.map(({ name, dtype, mismatch }) => [name, dtype, mismatch])).toEqual([
    ['product', 'float32', null],
    ['same', 'float32', null],
  ])
  expect(outputs[0]?.maxAbsError).toBeLessThan(1e-5)
  expect(outputs[1]?.maxAbsError).toBe(0)
})

test('without the option nothing is compared', async () => {
  await using artifact = await compile(network(1), options)
  expect(artifact.verification).toBeUndefined()
})

test('outputs that differ are named, and only they', async () => {
  await using artifact = await compile(network(1), options)
  await using other = await compile(network(1.01), { ...options, optLevel: 0 })
  const error = await compareBuilds(artifact.path, other.path, {}, {}).catch((caught) => caught)
  expect(error).toMatchObject({ code: 'ERR_VERIFICATION', message: expect.stringContaining("'product'") })
  expect(error.message).not.toContain("'same'")
  expect(error.details.outputs).toHaveLength(2)
})

test('bytes may differ by one step, not by two', async () => {
  await using artifact = await compile(network(1, 'int8'), options)
  expect(artifact.metadata.quantized).toBe(true)
  await using near = await compile(network(1.002, 'int8'), { ...options, optLevel: 0 })
  await using far = await compile(network(1.1, 'int8'), { ...options, optLevel: 0 })
  const { outputs } = await compareBuilds(artifact.path, near.path, { rounds: 8 }, {})
  expect(outputs[0]).toMatchObject({ dtype: 'int8', maxAbsError: 1, allowed: 'one quantisation step' })
  await expect(compareBuilds(artifact.path, far.path, {}, {})).rejects.toMatchObject({
    code: 'ERR_VERIFICATION',
    message: expect.stringContaining('allowed is one quantisation step'),
  })
})

test('only what runs here can be verified', async () => {
  await expect(compile(network(1), { ...options, format: 'mlf', verify: true })).rejects.toMatchObject({
    code: 'ERR_INVALID_ARGUMENT',
  })
  await expect(compile(network(1), { ...options, verify: { seed: 1.5 } })).rejects.toMatchObject({
    code: 'ERR_INVALID_ARGUMENT',
    message: expect.stringContaining('verify'),
  })
})
