// Layers as exporters write them.
import { count } from './builder.mjs'

/** Convolution of any rank with bias; padded so that extents are those of the input over the stride, unless told. */
export function conv(x, filters, kernel, { stride = 1, groups = 1, dilation = 1, padding } = {}) {
  const rank = x.shape.length - 2
  const sizes = Array.isArray(kernel) ? kernel : Array(rank).fill(kernel)
  const strides = Array.isArray(stride) ? stride : Array(rank).fill(stride)
  const pads = sizes.map((size) => padding ?? Math.floor(((size - 1) * dilation) / 2))
  const perGroup = x.shape[1] / groups
  const spatial = sizes.map((size, i) =>
    Math.floor((x.shape[2 + i] + 2 * pads[i] - (size - 1) * dilation - 1) / strides[i] + 1),
  )
  const weight = x.network.weights([filters, perGroup, ...sizes], Math.sqrt(2 / (perGroup * count(sizes))))
  const bias = x.network.weights([filters], 0.05)
  const [y] = x.network.node('Conv', [x, weight, bias], [[x.shape[0], filters, ...spatial]], {
    kernel_shape: sizes,
    strides,
    pads: [...pads, ...pads],
    dilations: Array(rank).fill(dilation),
    group: groups,
  })
  return y
}

/** Transposed convolution that doubles the extents. */
export function upConv(x, filters, kernel) {
  const [n, c, ...spatial] = x.shape
  const pad = (kernel - 2) / 2
  const weight = x.network.weights([c, filters, kernel, kernel], Math.sqrt(2 / (c * kernel)))
  const [y] = x.network.node(
    'ConvTranspose',
    [x, weight, x.network.weights([filters], 0.05)],
    [[n, filters, ...spatial.map((extent) => 2 * extent)]],
    { kernel_shape: [kernel, kernel], strides: [2, 2], pads: [pad, pad, pad, pad] },
  )
  return y
}

export const unary = (op) => (x, attrs) => x.network.node(op, [x], [x.shape], attrs)[0]
export const relu = unary('Relu')
export const sigmoid = unary('Sigmoid')
export const hardSigmoid = (x) => unary('HardSigmoid')(x, { alpha: { float: 1 / 6 }, beta: { float: 0.5 } })
export const hardSwish = unary('HardSwish')
export const softmax = (x, axis = -1) => unary('Softmax')(x, { axis })

/** Element by element; the shape of the result is the one of higher rank, or of more elements. */
export function binary(op, a, b) {
  const larger = count(b.shape) > count(a.shape) ? b : a
  return a.network.node(op, [a, b], [larger.shape])[0]
}
export const add = (a, b) => binary('Add', a, b)
export const mul = (a, b) => binary('Mul', a, b)
export const swish = (x) => mul(x, sigmoid(x))

function pool(op, x, kernel, stride, attrs = {}) {
  const rank = x.shape.length - 2
  const pad = Math.floor((kernel - 1) / 2)
  const spatial = x.shape.slice(2).map((extent) => Math.floor((extent + 2 * pad - kernel) / stride + 1))
  return x.network.node(op, [x], [[...x.shape.slice(0, 2), ...spatial]], {
    kernel_shape: Array(rank).fill(kernel),
    strides: Array(rank).fill(stride),
    pads: Array(2 * rank).fill(pad),
    ...attrs,
  })[0]
}
export const maxPool = (x, kernel, stride) => pool('MaxPool', x, kernel, stride)
export const averagePool = (x, kernel, stride) =>
  pool('AveragePool', x, kernel, stride, { count_include_pad: 1 })
export const globalAverage = (x) =>
  x.network.node('GlobalAveragePool', [x], [[x.shape[0], x.shape[1], ...x.shape.slice(2).map(() => 1)]])[0]

export const flatten = (x) => x.network.node('Flatten', [x], [[x.shape[0], count(x.shape.slice(1))]])[0]

export function reshape(x, ...shape) {
  return x.network.node('Reshape', [x, x.network.integers(shape)], [shape])[0]
}
export function transpose(x, ...perm) {
  return x.network.node('Transpose', [x], [perm.map((axis) => x.shape[axis])], { perm })[0]
}
export function concat(axis, ...parts) {
  const shape = [...parts[0].shape]
  shape[axis] = parts.reduce((total, part) => total + part.shape[axis], 0)
  return parts[0].network.node('Concat', parts, [shape], { axis })[0]
}
export function split(x, axis, parts) {
  const shape = [...x.shape]
  shape[axis] /= parts
  const sizes = x.network.integers(Array(parts).fill(shape[axis]))
  return x.network.node('Split', [x, sizes], Array(parts).fill(shape), { axis })
}

/** Resizes images to twice their extents. */
export function upsample(x, mode) {
  const [n, c, h, w] = x.shape
  const scales = x.network.numbers([1, 1, 2, 2])
  const how = mode === 'nearest' ? 'asymmetric' : 'half_pixel'
  return x.network.node('Resize', [x, undefined, scales], [[n, c, 2 * h, 2 * w]], {
    mode,
    coordinate_transformation_mode: how,
    ...(mode === 'nearest' ? { nearest_mode: 'floor' } : {}),
  })[0]
}

export function gemm(x, units) {
  const [rows, depth] = x.shape
  const weight = x.network.weights([units, depth], Math.sqrt(1 / depth))
  return x.network.node('Gemm', [x, weight, x.network.weights([units], 0.05)], [[rows, units]], {
    transB: 1,
  })[0]
}

/** Linear layer over the last axis, as exported from modules on sequences: MatMul, then Add. */
export function linear(x, units) {
  const depth = x.shape.at(-1)
  const weight = x.network.weights([depth, units], Math.sqrt(1 / depth))
  const product = matmul(x, weight)
  return add(product, x.network.weights([units], 0.05))
}
export function matmul(a, b) {
  return a.network.node('MatMul', [a, b], [[...a.shape.slice(0, -1), b.shape.at(-1)]])[0]
}

export function layerNorm(x) {
  const last = x.shape.at(-1)
  const [scale, bias] = [x.network.weights([last], 0.1, 1), x.network.weights([last], 0.1)]
  return x.network.node('LayerNormalization', [x, scale, bias], [x.shape], { axis: -1 })[0]
}
/** The same as exporters wrote it before there was an operator for it. */
export function layerNormParts(x) {
  const { network } = x
  const last = x.shape.at(-1)
  const mean = (y) => network.node('ReduceMean', [y], [[...y.shape.slice(0, -1), 1]], { axes: [-1] })[0]
  const centred = binary('Sub', x, mean(x))
  const variance = mean(binary('Pow', centred, network.numbers([2], [])))
  const deviation = unary('Sqrt')(add(variance, network.numbers([1e-5], [])))
  const normal = binary('Div', centred, deviation)
  return add(mul(normal, network.weights([last], 0.1, 1)), network.weights([last], 0.1))
}
export function gelu(x) {
  const { network } = x
  const erf = unary('Erf')(binary('Div', x, network.numbers([Math.SQRT2], [])))
  return mul(mul(x, add(erf, network.numbers([1], []))), network.numbers([0.5], []))
}

/** Self-attention over [batch, tokens, features]. */
export function attention(x, heads) {
  const [n, tokens, features] = x.shape
  const each = features / heads
  const part = (...perm) => transpose(reshape(linear(x, features), n, tokens, heads, each), ...perm)
  const [queries, keys, values] = [part(0, 2, 1, 3), part(0, 2, 3, 1), part(0, 2, 1, 3)]
  const scores = binary('Div', matmul(queries, keys), x.network.numbers([Math.sqrt(each)], []))
  const mixed = transpose(matmul(softmax(scores), values), 0, 2, 1, 3)
  return linear(reshape(mixed, n, tokens, features), features)
}

/** LSTM or GRU over [steps, batch, features]. */
export function recurrent(op, x, hidden, { bidirectional = false } = {}) {
  const [steps, n, features] = x.shape
  const gates = op === 'LSTM' ? 4 : 3
  const directions = bidirectional ? 2 : 1
  const scale = Math.sqrt(1 / hidden)
  const weights = [
    x.network.weights([directions, gates * hidden, features], scale),
    x.network.weights([directions, gates * hidden, hidden], scale),
    x.network.weights([directions, 2 * gates * hidden], scale),
  ]
  const [y] = x.network.node(op, [x, ...weights], [[steps, directions, n, hidden]], {
    hidden_size: hidden,
    direction: bidirectional ? 'bidirectional' : 'forward',
    ...(op === 'GRU' ? { linear_before_reset: 1 } : {}),
  })
  return reshape(transpose(y, 0, 2, 1, 3), steps, n, directions * hidden)
}
