import { onnxModel } from './onnx-writer.js'
import { randomTensor as random } from './random.js'

/** A small convolutional network whose batch is open. */
export const openNetwork = onnxModel({
  opset: 17,
  inputs: { x: { dtype: 'float32', shape: ['N', 3, 8, 8] } },
  initializers: {
    w: random([6, 3, 3, 3], 'float32', -2, 2, 1),
    b: random([6], 'float32', -2, 2, 2),
    fc: random([96, 10], 'float32', -2, 2, 3),
  },
  nodes: [
    { op: 'Conv', inputs: ['x', 'w', 'b'], outputs: ['c'], attrs: { pads: [1, 1, 1, 1], strides: [2, 2] } },
    { op: 'Relu', inputs: ['c'], outputs: ['r'] },
    { op: 'Flatten', inputs: ['r'], outputs: ['f'] },
    { op: 'MatMul', inputs: ['f', 'fc'], outputs: ['m'] },
    { op: 'Add', inputs: ['m', 'm'], outputs: ['y'] },
  ],
  outputs: ['y'],
})

/** Inputs of it for a batch of `n`. */
export const openBatch = (n: number) => ({ x: random([n, 3, 8, 8], 'float32', -2, 2, n) })
