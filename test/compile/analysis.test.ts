import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { countOperators } from '#lib/compile/analysis/count.js'
import { passTimes, readTrace } from '#lib/compile/analysis/trace.js'
import { compile } from '#lib/compile/compile.js'
import { importModel } from '#lib/frontend/onnx/import.js'
import { IRModule } from '#lib/ir/module.js'
import { runPass } from '#lib/ir/transform.js'
import { getGlobalFunc, openLibrary, type TvmObject } from '#lib/runtime/index.js'
import { load } from '#lib/session/load.js'
import { analyzeMemory, memoryNeed } from '#lib/session/memory.js'
import { type Tensor, tensor } from '#lib/tensor.js'
import { modelFile, network } from '../support/artifacts.js'
import { cli } from '../support/cli.js'
import { scratchFolder } from '../support/scratch.js'

const folder = scratchFolder()
const weights = (...shape: number[]): Tensor =>
  tensor(new Float32Array(shape.reduce((a, b) => a * b)).fill(0.1), shape)

test.each(['kws_dscnn', 'ic_resnet8', 'ad_autoencoder', 'vww_mobilenet_v1_025'])(
  "the multiplications of %s are TVM's own count",
  async (name) => {
    const { model } = network(name)
    openLibrary({ kind: 'compiler' })
    const typed = runPass('InferType', IRModule.fromFunction(importModel(model).func)) as IRModule
    const expected = getGlobalFunc('relay.analysis.GetTotalMacNumber')(typed.lookup() as TvmObject)
    const { total, calls } = await countOperators(model)
    expect(total.macs).toBe(Number(expected))
    expect(calls.reduce((sum, { macs }) => sum + macs, 0)).toBe(total.macs)
  },
)

test.each([
  // 4 outputs a place, each of 3x3 places of the 2 channels of its group; 8 x 8 places.
  [
    'Conv',
    { x: [1, 4, 8, 8] },
    weights(4, 2, 3, 3),
    { group: 2, pads: [1, 1, 1, 1] },
    64 * 4 * 18,
    4 * 64 * 4,
  ],
  // Each of 4 x 5 x 5 inputs meets 3 kernels of 2x2.
  ['ConvTranspose', { x: [1, 4, 5, 5] }, weights(4, 3, 2, 2), {}, 100 * 12, 3 * 36 * 4],
  ['MatMul', { x: [2, 3, 5] }, weights(5, 7), {}, 2 * 3 * 5 * 7, 2 * 3 * 7 * 4],
  ['Add', { x: [2, 3] }, weights(3), {}, 0, 2 * 3 * 4],
])('%s is counted as by hand', async (op, { x }, w, attrs, macs, outputBytes) => {
  const path = modelFile(
    {
      opset: 17,
      nodes: [{ op, inputs: ['x', 'w'], outputs: ['y'], attrs }],
      inputs: { x: { dtype: 'float32', shape: x } },
      outputs: ['y'],
      initializers: { w },
    },
    join(folder, `${op}.onnx`),
  )
  const { total, calls } = await countOperators(path)
  expect(total.macs).toBe(macs)
  expect(calls.at(-1)?.outputBytes).toBe(outputBytes)
})

test('results of several parts count all of them', async () => {
  const { operators } = await countOperators(network('kws_dscnn').model)
  expect(operators.filter(({ outputBytes }) => outputBytes === 0)).toEqual([])
})

test('the memory of a network is that of the tensors that are alive', async () => {
  // Softmax is fused with nothing: x -> a -> b -> y, with a read again at the end.
  const path = modelFile(
    {
      opset: 17,
      nodes: [
        { op: 'Softmax', inputs: ['x'], outputs: ['a'], attrs: { axis: 1 } },
        { op: 'MatMul', inputs: ['a', 'w'], outputs: ['b'] },
        { op: 'Softmax', inputs: ['b'], outputs: ['c'], attrs: { axis: 1 } },
        { op: 'Concat', inputs: ['a', 'c'], outputs: ['y'], attrs: { axis: 1 } },
      ],
      inputs: { x: { dtype: 'float32', shape: [1, 16] } },
      outputs: ['y'],
      initializers: { w: weights(16, 32) },
    },
    join(folder, 'memory.onnx'),
  )
  await using artifact = await compile(path, { target: 'llvm' })
  const analysis = await analyzeMemory(artifact)
  expect(analysis.steps.map(({ liveBytes }) => liveBytes)).toEqual([
    4 * (16 + 16), // x, a
    4 * (16 + 32), // a, b
    4 * (16 + 32 + 32), // a, b, c
    4 * (16 + 32 + 48), // a, c, y
  ])
  expect(analysis.peak).toMatchObject({ step: 3, bytes: 4 * 96 })
  expect(analysis.peak.tensors.map(({ bytes }) => bytes / 4)).toEqual([48, 32, 16])
  expect(analysis).toMatchObject(await memoryNeed(artifact))
  expect(analysis.parameters).toBeGreaterThanOrEqual(4 * 16 * 32)
  expect(analysis.workspace).toBeGreaterThanOrEqual(analysis.peak.bytes)
})

test('a trace tells when each pass ran, and changes nothing of the network', async () => {
  const { model, inputs, outputs } = network('kws_dscnn')
  const trace = join(folder, 'trace.json')
  await using artifact = await compile(model, { target: 'llvm', trace })
  const { traceEvents } = JSON.parse(readFileSync(trace, 'utf8'))
  expect(traceEvents[0]).toMatchObject({ ph: 'M', args: { name: 'compile model' } })
  const spans = readTrace(readFileSync(trace, 'utf8'))
  const names = new Set(spans.map(({ kind, name }) => `${kind} ${name}`))
  for (const name of [
    'phase import',
    'phase codegen',
    'step FoldConstant',
    'pass FuseOps',
    'pass tir.Simplify',
  ])
    expect(names).toContain(name)
  // Each span lies within all that are open when it begins.
  const open: number[] = []
  for (const { startUs, durationUs } of spans) {
    while (open.length > 0 && startUs >= (open.at(-1) as number)) open.pop()
    if (open.length > 0) expect(startUs + durationUs).toBeLessThanOrEqual(open.at(-1) as number)
    open.push(startUs + durationUs)
  }
  const phases = spans
    .filter(({ kind }) => kind === 'phase')
    .reduce((sum, { durationUs }) => sum + durationUs, 0)
  const selves = passTimes(spans).reduce((sum, { selfUs }) => sum + selfUs, 0)
  expect(selves / phases).toBeCloseTo(1, 3)
  await using session = await load(artifact.path)
  const [name, expected] = Object.entries(outputs)[0] as [string, Tensor]
  const got = (await session.run(inputs))[name]?.data as Float32Array
  for (const [i, value] of (expected.data as Float32Array).entries()) expect(got[i]).toBeCloseTo(value, 4)
})

test('inspect shows the parts of a model, and keeps what can be compared', async () => {
  const { model } = network('kws_dscnn')
  const results = join(folder, 'results.db')
  expect((await cli(['inspect', 'operators', model])).stdout).toMatch(/nn\.conv2d +9 +2\.656/)
  const memory = await cli(['inspect', 'memory', model, '--target', 'llvm', '--results', results, '--json'])
  expect(memory.json[0].peak.bytes).toBeGreaterThan(30_000)
  const passes = await cli(['inspect', 'passes', model, '--target', 'llvm', '--results', results])
  expect(passes.stdout).toMatch(/pass +InferType +\d+/)
  const report = await cli(['report', '--results', results, '--text'])
  expect(report.stdout).toMatch(/Memory of model on llvm.*\n.*at most \d/)
  expect(report.stdout).toMatch(/Compilation of model/)
})
