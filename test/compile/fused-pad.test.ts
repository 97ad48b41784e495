import { beforeAll, expect, test } from 'vitest'
import { lowerGraph, optimizeRelay } from '#lib/compile/build.js'
import { importModel } from '#lib/frontend/onnx/import.js'
import { target } from '#lib/ir/target.js'
import { openLibrary } from '#lib/runtime/index.js'
import { tensor } from '#lib/tensor.js'
import { onnxModel } from '../support/onnx-writer.js'
import { randomTensor } from '../support/random.js'
import { expectClose, runHere, runReference } from '../support/run-onnx.js'

beforeAll(() => {
  openLibrary()
})

test('frames cut from a padded signal, as networks for sound do it', async () => {
  const ints = (...values: number[]) => tensor(BigInt64Array.from(values, BigInt))
  const frames = [0, 1, 2, 3]
  const model = onnxModel({
    opset: 13,
    nodes: [
      { op: 'Pad', inputs: ['x', 'pads'], outputs: ['padded'] },
      { op: 'Reshape', inputs: ['padded', 'hops'], outputs: ['rows'] },
      ...frames.map((i) => ({
        op: 'Slice',
        inputs: ['rows', `begin${i}`, `end${i}`, 'axis'],
        outputs: [`part${i}`],
      })),
      { op: 'Concat', inputs: frames.map((i) => `part${i}`), outputs: ['frames'], attrs: { axis: 1 } },
      { op: 'Mul', inputs: ['frames', 'window'], outputs: ['windowed'] },
      { op: 'Reshape', inputs: ['windowed', 'split'], outputs: ['parts'] },
      { op: 'Transpose', inputs: ['parts'], outputs: ['y'], attrs: { perm: [0, 2, 1] } },
    ],
    inputs: { x: { dtype: 'float32', shape: [1, 4096] } },
    outputs: ['y'],
    initializers: {
      pads: ints(0, 512, 0, 512),
      hops: ints(20, 256),
      split: ints(16, 32, 32),
      axis: ints(0),
      window: randomTensor([1024]),
      ...Object.fromEntries(
        frames.flatMap((i) => [
          [`begin${i}`, ints(i)],
          [`end${i}`, ints(16 + i)],
        ]),
      ),
    },
  })
  const feeds = { x: randomTensor([1, 4096]) }
  expectClose(runHere(model, feeds), await runReference(model, feeds))
  // With vectors of 16 numbers the borders of the padding fall within them.
  const wide = target('llvm -mcpu=skylake-avx512')
  const lowered = lowerGraph(optimizeRelay(importModel(model).func, wide), wide)
  expect(lowered.functions?.functions.length).toBeGreaterThan(0)
})
