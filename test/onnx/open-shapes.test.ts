import { describe, it } from 'vitest'
import { onnxModel } from '../support/onnx-writer.js'
import { randomTensor as random } from '../support/random.js'
import { expectOpenAgrees } from '../support/run-open.js'

describe('networks with open extents', () => {
  it('adds, multiplies and convolves batches of any size', async () => {
    const model = onnxModel({
      opset: 17,
      inputs: { x: { dtype: 'float32', shape: ['N', 3, 8, 8] } },
      initializers: {
        w: random([6, 3, 3, 3], 'float32', -2, 2, 1),
        b: random([6], 'float32', -2, 2, 2),
        fc: random([96, 10], 'float32', -2, 2, 3),
      },
      nodes: [
        {
          op: 'Conv',
          inputs: ['x', 'w', 'b'],
          outputs: ['c'],
          attrs: { pads: [1, 1, 1, 1], strides: [2, 2] },
        },
        { op: 'Relu', inputs: ['c'], outputs: ['r'] },
        { op: 'Flatten', inputs: ['r'], outputs: ['f'] },
        { op: 'MatMul', inputs: ['f', 'fc'], outputs: ['m'] },
        { op: 'Add', inputs: ['m', 'm'], outputs: ['y'] },
      ],
      outputs: ['y'],
    })
    await expectOpenAgrees(
      model,
      [1, 3, 7].map((n) => ({ x: random([n, 3, 8, 8], 'float32', -2, 2, n) })),
    )
  })
})
