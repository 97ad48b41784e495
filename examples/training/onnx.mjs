// Writes the network in training as an ONNX model (opset 17): in float32, or in 8-bit integers between pairs of
// QuantizeLinear and DequantizeLinear. Field numbers are those of onnx.proto.
import { CLASSES, SIZE } from './data.mjs'
import { bytes, int, message } from './protobuf.mjs'

const [FLOAT, INT8, INT32] = [1, 3, 6]
const [INT_ATTRIBUTE, INTS_ATTRIBUTE] = [2, 7]

/** Collects nodes and initializers of a graph. */
class Graph {
  nodes = []
  initializers = []

  node(op, inputs, output, attributes = {}) {
    const attribute = ([name, value]) =>
      message(
        5,
        bytes(1, name),
        ...(Array.isArray(value)
          ? [...value.map((each) => int(8, each)), int(20, INTS_ATTRIBUTE)]
          : [int(3, value), int(20, INT_ATTRIBUTE)]),
      )
    const parts = [
      ...inputs.map((name) => bytes(1, name)),
      bytes(2, output),
      bytes(3, output),
      bytes(4, op),
      ...Object.entries(attributes).map(attribute),
    ]
    this.nodes.push(message(1, ...parts))
    return output
  }
  tensor(name, type, shape, data) {
    this.initializers.push(
      message(5, ...shape.map((dim) => int(1, dim)), int(2, type), bytes(8, name), bytes(9, data)),
    )
    return name
  }
  finish(input, output) {
    const info = (field, [name, shape]) => {
      const dims = message(2, ...shape.map((dim) => message(1, int(1, dim))))
      return message(field, bytes(1, name), message(2, message(1, int(1, FLOAT), dims)))
    }
    const graph = [
      ...this.nodes,
      bytes(2, 'training'),
      ...this.initializers,
      info(11, input),
      info(12, output),
    ]
    return Buffer.concat([int(1, 8), message(7, ...graph), message(8, bytes(1, ''), int(2, 17))])
  }
}

const shapes = (layers) =>
  layers.map(({ inputs, outputs, stride }) => (stride ? [outputs, inputs, 3, 3] : [outputs, inputs]))

/** The network in float32. */
export function exportFloat({ layers }) {
  return build(layers, (graph, i, shape) => [
    graph.tensor(`w${i}`, FLOAT, shape, layers[i].weight),
    graph.tensor(`b${i}`, FLOAT, [shape[0]], layers[i].bias),
  ])
}

/**
 * The network in 8-bit integers: weights with one scale a channel, activations with ranges seen on `calibration`, rounded up to a
 * power of two, so that they stay the same for many epochs and only parameters must be built anew.
 */
export function exportInt8(network, { data, count }) {
  network.forward(data, count)
  const { layers } = network
  const tops = [data, ...layers.map(({ y }) => y)].map((values) =>
    values.reduce((a, b) => Math.max(a, Math.abs(b)), 0),
  )
  const scales = tops.map((top) => 2 ** Math.ceil(Math.log2(top / 127)))
  const quantized = (graph, name, i) => {
    const scale = graph.tensor(`s${i}`, FLOAT, [], Float32Array.of(scales[i]))
    const zero = graph.tensor(`z${i}`, INT8, [], Int8Array.of(0))
    const integers = graph.node('QuantizeLinear', [name, scale, zero], `q${i}`)
    return graph.node('DequantizeLinear', [integers, scale, zero], `x${i}`)
  }
  const parameters = (graph, i, shape) => {
    const { weight, bias } = layers[i]
    const width = weight.length / shape[0]
    const steps = Float32Array.from({ length: shape[0] }, (_, o) => {
      const row = weight.subarray(o * width, (o + 1) * width)
      return row.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-8) / 127
    })
    const whole = Int8Array.from(weight, (value, at) => Math.round(value / steps[Math.floor(at / width)]))
    const accumulator = steps.map((step) => step * scales[i])
    const sums = Int32Array.from(bias, (value, o) => Math.round(value / accumulator[o]))
    const dequantized = (name, type, dims, values, scale) =>
      graph.node(
        'DequantizeLinear',
        [
          graph.tensor(`${name}_q`, type, dims, values),
          graph.tensor(`${name}_scale`, FLOAT, [shape[0]], scale),
        ],
        name,
        { axis: 0 },
      )
    return [
      dequantized(`w${i}`, INT8, shape, whole, steps),
      dequantized(`b${i}`, INT32, [shape[0]], sums, accumulator),
    ]
  }
  return build(layers, parameters, quantized)
}

function build(layers, parameters, quantized = (_graph, name) => name) {
  const graph = new Graph()
  let x = quantized(graph, 'picture', 0)
  for (const [i, shape] of shapes(layers).entries()) {
    const { stride } = layers[i]
    const inputs = (data) => [data, ...parameters(graph, i, shape)]
    if (stride) {
      const sums = graph.node('Conv', inputs(x), `c${i}`, { pads: [1, 1, 1, 1], strides: [stride, stride] })
      x = quantized(graph, graph.node('Relu', [sums], `r${i}`), i + 1)
    } else {
      const flat = graph.node('Flatten', [x], `f${i}`)
      x = graph.node('Gemm', inputs(flat), 'logits', { transB: 1 })
    }
  }
  return graph.finish(['picture', [1, 1, SIZE, SIZE]], ['logits', [1, CLASSES]])
}
