import { describe, it } from 'vitest'
import { onnxModel } from '../support/onnx-writer.js'
import { openBatch, openNetwork } from '../support/open-network.js'
import { randomTensor as random } from '../support/random.js'
import { expectOpenAgrees } from '../support/run-open.js'

describe('networks with open extents', () => {
  it('adds, multiplies and convolves batches of any size', async () => {
    await expectOpenAgrees(openNetwork, [1, 3, 7].map(openBatch))
  })

  it('adds what went around a convolution, a transposed one or a product', async () => {
    const model = onnxModel({
      opset: 17,
      inputs: { x: { dtype: 'float32', shape: ['N', 4, 'H', 6] } },
      initializers: {
        w: random([4, 4, 3, 3], 'float32', -1, 1, 1),
        b: random([4]),
        t: random([4, 4, 3, 3], 'float32', -1, 1, 2),
      },
      nodes: [
        { op: 'Conv', inputs: ['x', 'w', 'b'], outputs: ['c'], attrs: { pads: [1, 1, 1, 1] } },
        { op: 'Add', inputs: ['c', 'x'], outputs: ['a'] },
        { op: 'Relu', inputs: ['a'], outputs: ['r'] },
        { op: 'ConvTranspose', inputs: ['r', 't'], outputs: ['d'], attrs: { pads: [1, 1, 1, 1] } },
        { op: 'Add', inputs: ['d', 'r'], outputs: ['e'] },
        { op: 'Transpose', inputs: ['e'], outputs: ['f'], attrs: { perm: [0, 1, 3, 2] } },
        { op: 'MatMul', inputs: ['e', 'f'], outputs: ['m'] },
        { op: 'MatMul', inputs: ['m', 'e'], outputs: ['n'] },
        { op: 'Add', inputs: ['n', 'e'], outputs: ['y'] },
      ],
      outputs: ['y'],
    })
    const feeds = [
      [1, 5],
      [3, 2],
    ].map(([n = 0, h = 0]) => ({ x: random([n, 4, h, 6], 'float32', -1, 1, n) }))
    await expectOpenAgrees(model, feeds, { rtol: 1e-3, atol: 1e-3 })
  })
})
