import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { type Artifact, type CompileOptions, compile } from '#lib/compile/compile.js'
import { readArtifact } from '#lib/session/artifact.js'
import { load } from '#lib/session/load.js'
import { type Tensor, tensor } from '#lib/tensor.js'
import { largestDifference } from '../support/artifacts.js'
import { type ModelDescription, onnxModel } from '../support/onnx-writer.js'
import { randomTensor } from '../support/random.js'
import { runReference } from '../support/run-onnx.js'
import { scratchFolder } from '../support/scratch.js'
import { trained, withWeights } from '../support/weights.js'

const folder = scratchFolder()
const made: Artifact[] = []
afterAll(() => Promise.all(made.map((artifact) => artifact.dispose())))

async function build(model: Uint8Array, options: CompileOptions = {}): Promise<Artifact> {
  const artifact = await compile(model, { target: 'llvm -mcpu=x86-64-v3', reusable: true, ...options })
  made.push(artifact)
  return artifact
}

/** Builds with the code of `before`, and expects every byte that a build without it yields. */
async function expectSameAsBuild(model: Uint8Array, before: Artifact): Promise<Artifact> {
  const reused = await build(model, { reuse: before })
  const [own, whole] = [await readArtifact(reused.path), await readArtifact((await build(model)).path)]
  for (const name of ['lib.so', 'graph.json', 'params.bin']) {
    expect(Buffer.from(own.members[name] as Uint8Array).equals(whole.members[name] as Uint8Array), name).toBe(
      true,
    )
  }
  const { members: _, ...metadata } = own.metadata
  expect(whole.metadata).toMatchObject(metadata)
  return reused
}

const models = fileURLToPath(new URL('../fixtures/models', import.meta.url))
const networks = readdirSync(models).filter((name) => !name.includes('.') && name !== 'vww_mobilenet_v1_025')
test.each(networks)(
  '%s with other weights needs other parameters only, the same as a build',
  async (name) => {
    const model = readFileSync(join(models, name, 'model.onnx'))
    const before = await build(model)
    expect(before.rebuilt).toBe('all')
    const after = await expectSameAsBuild(trained(model), before)
    expect(after.rebuilt).toBe('parameters')
    // What was built so serves in its turn.
    const next = await build(trained(model, 2), { reuse: after })
    expect(next.rebuilt).toBe('parameters')
  },
)

/** Convolution, batch normalisation, ReLU, a factor, a reshape whose shape is an initializer, and a dense layer. */
function small(change: Partial<Record<string, Tensor>> = {}, attrs = {}): Uint8Array {
  const positive = (size: number, seed: number) => randomTensor([size], 'float32', 0.5, 2, seed)
  const initializers: Record<string, Tensor> = {
    w: randomTensor([8, 3, 3, 3]),
    gamma: positive(8, 2),
    beta: randomTensor([8], 'float32', -1, 1, 3),
    mean: randomTensor([8], 'float32', -1, 1, 4),
    variance: positive(8, 5),
    factor: randomTensor([8, 1, 1], 'float32', 0.5, 2, 6),
    w2: randomTensor([8, 4, 3, 3], 'float32', -2, 2, 7),
    temperature: tensor(Float32Array.of(3), []),
    extents: tensor(BigInt64Array.of(1n, -1n), [2]),
    dense: randomTensor([8 * 16, 5], 'float32', -2, 2, 8),
    ...(change as Record<string, Tensor>),
  }
  const description: ModelDescription = {
    opset: 17,
    inputs: { x: { dtype: 'float32', shape: [1, 3, 4, 4] } },
    nodes: [
      { op: 'Conv', inputs: ['x', 'w'], outputs: ['c'], attrs: { pads: [1, 1, 1, 1], ...attrs } },
      { op: 'BatchNormalization', inputs: ['c', 'gamma', 'beta', 'mean', 'variance'], outputs: ['n'] },
      { op: 'Relu', inputs: ['n'], outputs: ['r'] },
      { op: 'Mul', inputs: ['r', 'factor'], outputs: ['m'] },
      { op: 'Conv', inputs: ['m', 'w2'], outputs: ['d'], attrs: { pads: [1, 1, 1, 1], group: 2 } },
      { op: 'Mul', inputs: ['d', 'temperature'], outputs: ['t'] },
      { op: 'Reshape', inputs: ['t', 'extents'], outputs: ['f'] },
      { op: 'MatMul', inputs: ['f', 'dense'], outputs: ['y'] },
    ],
    outputs: ['y'],
    initializers,
  }
  return onnxModel(description)
}
const x = randomTensor([1, 3, 4, 4], 'float32', -1, 1)

async function expectRight(artifact: Artifact, model: Uint8Array): Promise<void> {
  await using session = await load(artifact)
  const { y } = await session.run({ x })
  const expected = await runReference(model, { x })
  expect(largestDifference(y, expected.y)).toBeLessThan(1e-3)
}

describe('a network in training', () => {
  const first = small()
  const before = build(first)

  test('has a first build that is right', async () => expectRight(await before, first))

  test.each([
    ['other weights', { w: randomTensor([8, 3, 3, 3], 'float32', -2, 2, 9) }, 'parameters'],
    [
      'another normalisation',
      { gamma: randomTensor([8], 'float32', 0.1, 3, 10), mean: randomTensor([8], 'float32', -1, 1, 11) },
      'parameters',
    ],
    [
      'other weights of the dense layer',
      { dense: randomTensor([128, 5], 'float32', -2, 2, 12) },
      'parameters',
    ],
    ['weights of zero', { w: tensor(new Float32Array(8 * 27), [8, 3, 3, 3]) }, 'parameters'],
    [
      'weights that are no numbers',
      { w: tensor(new Float32Array(8 * 27).fill(Number.NaN), [8, 3, 3, 3]) },
      'parameters',
    ],
    // A number in the code.
    ['another scalar', { temperature: tensor(Float32Array.of(2), []) }, 'all'],
    // Behind ReLU, a factor moves into the weights only where it is positive.
    ['a factor that turns negative', { factor: randomTensor([8, 1, 1], 'float32', -1, 1, 13) }, undefined],
    ['another shape', { extents: tensor(BigInt64Array.of(-1n, 128n), [2]) }, undefined],
    ['weights of another shape', { dense: randomTensor([128, 6], 'float32', -2, 2, 14) }, 'all'],
  ])('%s', async (_what, change, rebuilt) => {
    const model = small(change)
    const after = await expectSameAsBuild(model, await before)
    if (rebuilt) expect(after.rebuilt).toBe(rebuilt)
    if (!_what.includes('no numbers')) await expectRight(after, model)
  })

  test('another attribute is another graph', async () => {
    expect((await build(small({}, { dilations: [1, 1] }), { reuse: await before })).rebuilt).toBe('all')
  })

  test.each([
    ['target', { target: 'llvm' }],
    ['level', { optLevel: 2 }],
    ['pass options', { config: { 'tir.disable_vectorize': true } }],
  ] as [string, CompileOptions][])('another %s is another build', async (_what, options) => {
    expect((await build(first, { reuse: await before, ...options })).rebuilt).toBe('all')
  })

  test('the same model needs nothing new', async () => {
    const again = await build(first, { reuse: await before })
    expect(again.rebuilt).toBe('parameters')
    const [a, b] = [await readArtifact(again.path), await readArtifact((await before).path)]
    expect(a.metadata).toEqual(b.metadata)
  })

  test('an artifact that does not serve is no error', async () => {
    const plain = await compile(first, { target: 'llvm -mcpu=x86-64-v3' })
    made.push(plain)
    const damaged = join(folder, 'damaged.tvm')
    writeFileSync(damaged, readFileSync((await before).path).subarray(0, 5000))
    for (const reuse of [plain, damaged, join(folder, 'none.tvm')]) {
      expect((await build(first, { reuse })).rebuilt).toBe('all')
    }
  })
})

test('weights in Constant nodes are part of the graph', async () => {
  const model = (value: number) =>
    onnxModel({
      opset: 17,
      inputs: { x: { dtype: 'float32', shape: [2] } },
      nodes: [
        { op: 'Constant', inputs: [], outputs: ['w'], attrs: { value: tensor(Float32Array.of(value, 1)) } },
        { op: 'Add', inputs: ['x', 'w'], outputs: ['y'] },
      ],
      outputs: ['y'],
    })
  const before = await build(model(1))
  const after = await expectSameAsBuild(model(2), before)
  await using session = await load(after)
  expect((await session.run({ x: tensor(new Float32Array(2)) })).y?.data).toEqual(Float32Array.of(2, 1))
})

test('weights that an If looks at decide which branch there is', async () => {
  const model = (condition: number, weight: number) =>
    onnxModel({
      opset: 17,
      inputs: { x: { dtype: 'float32', shape: [2] } },
      nodes: [
        { op: 'Greater', inputs: ['c', 'zero'], outputs: ['b'] },
        {
          op: 'If',
          inputs: ['b'],
          outputs: ['y'],
          attrs: {
            then_branch: { nodes: [{ op: 'Add', inputs: ['x', 'w'], outputs: ['t'] }], outputs: ['t'] },
            else_branch: { nodes: [{ op: 'Mul', inputs: ['x', 'w'], outputs: ['e'] }], outputs: ['e'] },
          },
        },
      ],
      outputs: ['y'],
      initializers: {
        c: tensor(Float32Array.of(condition), []),
        zero: tensor(new Float32Array(1), []),
        w: tensor(Float32Array.of(weight, weight)),
      },
    })
  const before = await build(model(1, 5))
  expect((await expectSameAsBuild(model(1, 6), before)).rebuilt).toBe('parameters')
  expect((await expectSameAsBuild(model(-1, 6), before)).rebuilt).toBe('all')
})

test('two weights that were equal may differ later', async () => {
  const model = (b: number) =>
    onnxModel({
      opset: 17,
      inputs: { x: { dtype: 'float32', shape: [4] } },
      nodes: [
        { op: 'Add', inputs: ['x', 'a'], outputs: ['s'] },
        { op: 'Exp', inputs: ['s'], outputs: ['e'] },
        { op: 'Add', inputs: ['e', 'b'], outputs: ['y'] },
      ],
      outputs: ['y'],
      initializers: { a: tensor(new Float32Array(4).fill(1)), b: tensor(new Float32Array(4).fill(b)) },
    })
  const after = await expectSameAsBuild(model(2), await build(model(1)))
  await using session = await load(after)
  expect((await session.run({ x: tensor(new Float32Array(4)) })).y?.data[0]).toBeCloseTo(Math.E + 2, 5)
})

test('changing one weight changes the result', async () => {
  const first = small()
  const before = await build(first)
  const flipped = withWeights(first, (name, values) => {
    if (name === 'w') values[0] = -(values[0] as number)
  })
  const after = await build(flipped, { reuse: before })
  expect(after.rebuilt).toBe('parameters')
  await expectRight(after, flipped)
})
