// Architectures that users bring, with random weights. Each is a function that returns the bytes of an ONNX model.
import { Network } from './builder.mjs'
import {
  add,
  attention,
  averagePool,
  concat,
  conv,
  flatten,
  gelu,
  gemm,
  globalAverage,
  hardSigmoid,
  hardSwish,
  layerNorm,
  layerNormParts,
  linear,
  matmul,
  maxPool,
  mul,
  recurrent,
  relu,
  reshape,
  sigmoid,
  softmax,
  split,
  swish,
  transpose,
  upConv,
  upsample,
} from './layers.mjs'

const image = (size, channels = 3) => new Network().input(1, channels, size, size)
const done = (...outputs) => outputs[0].network.model(...outputs)
const classify = (x, classes = 1000) => done(gemm(flatten(globalAverage(x)), classes))

function residual(x, filters, stride, { bottleneck = false, groups = 1, width = filters } = {}) {
  const out = bottleneck ? 4 * filters : filters
  const y = bottleneck
    ? conv(relu(conv(relu(conv(x, width, 1)), width, 3, { stride, groups })), out, 1)
    : conv(relu(conv(x, filters, 3, { stride })), filters, 3)
  const shortcut = stride === 1 && x.shape[1] === out ? x : conv(x, out, 1, { stride })
  return relu(add(y, shortcut))
}

function resnet(depths, options = {}) {
  let x = maxPool(relu(conv(image(224), 64, 7, { stride: 2 })), 3, 2)
  for (const [stage, depth] of depths.entries()) {
    for (let i = 0; i < depth; i++) {
      const filters = 64 << stage
      const width = filters * (options.widen ?? 1)
      x = residual(x, filters, i === 0 && stage > 0 ? 2 : 1, { ...options, width })
    }
  }
  return classify(x)
}

function densenet() {
  let x = maxPool(relu(conv(image(224), 64, 7, { stride: 2 })), 3, 2)
  for (const [stage, depth] of [6, 12, 24, 16].entries()) {
    for (let i = 0; i < depth; i++) x = concat(1, x, conv(relu(conv(relu(scaled(x)), 128, 1)), 32, 3))
    if (stage < 3) x = averagePool(conv(relu(scaled(x)), x.shape[1] / 2, 1), 2, 2)
  }
  return classify(relu(scaled(x)))
}
/** Batch normalisation that no convolution before it can take. */
function scaled(x) {
  const c = x.shape[1]
  const of = (deviation, mean) => x.network.weights([c], deviation, mean)
  const statistics = [of(0.05, 1), of(0.1, 0), of(0.1, 0), of(0.02, 1)]
  return x.network.node('BatchNormalization', [x, ...statistics], [x.shape])[0]
}

/** [expansion, filters, repeats, stride, kernel] of each stage. */
const efficientStages = [
  [1, 16, 1, 1, 3],
  [6, 24, 2, 2, 3],
  [6, 40, 2, 2, 5],
  [6, 80, 3, 2, 3],
  [6, 112, 3, 1, 5],
  [6, 192, 4, 2, 5],
  [6, 320, 1, 1, 3],
]
function efficientnet() {
  let x = swish(conv(image(224), 32, 3, { stride: 2 }))
  for (const [expand, filters, repeats, stride, kernel] of efficientStages)
    for (let i = 0; i < repeats; i++)
      x = inverted(x, x.shape[1] * expand, filters, kernel, i === 0 ? stride : 1, swish, (s) =>
        squeeze(s, Math.max(1, x.shape[1] / 4), swish, sigmoid),
      )
  return classify(swish(conv(x, 1280, 1)))
}
const mobileStages = [
  [16, 16, 3, 2, true, relu],
  [72, 24, 3, 2, false, relu],
  [88, 24, 3, 1, false, relu],
  [96, 40, 5, 2, true, hardSwish],
  [240, 40, 5, 1, true, hardSwish],
  [240, 40, 5, 1, true, hardSwish],
  [120, 48, 5, 1, true, hardSwish],
  [144, 48, 5, 1, true, hardSwish],
  [288, 96, 5, 2, true, hardSwish],
  [576, 96, 5, 1, true, hardSwish],
  [576, 96, 5, 1, true, hardSwish],
]
function mobilenetV3() {
  let x = hardSwish(conv(image(224), 16, 3, { stride: 2 }))
  for (const [wide, filters, kernel, stride, squeezed, act] of mobileStages)
    x = inverted(x, wide, filters, kernel, stride, act, (s) =>
      squeezed ? squeeze(s, Math.ceil(wide / 32) * 8, relu, hardSigmoid) : s,
    )
  const pooled = flatten(globalAverage(hardSwish(conv(x, 576, 1))))
  return done(gemm(hardSwish(gemm(pooled, 1024)), 1000))
}
function inverted(x, wide, filters, kernel, stride, act, squeezing) {
  const widened = wide === x.shape[1] ? x : act(conv(x, wide, 1))
  const deep = act(conv(widened, wide, kernel, { stride, groups: wide }))
  const y = conv(squeezing(deep), filters, 1)
  return stride === 1 && x.shape[1] === filters ? add(x, y) : y
}
function squeeze(x, channels, act, gate) {
  return mul(x, gate(conv(act(conv(globalAverage(x), channels, 1)), x.shape[1], 1)))
}

function shufflenetV2() {
  let x = maxPool(relu(conv(image(224), 24, 3, { stride: 2 })), 3, 2)
  const branch = (y, filters, stride) => {
    const deep = conv(relu(conv(y, filters, 1)), filters, 3, { stride, groups: filters })
    return relu(conv(deep, filters, 1))
  }
  for (const [filters, depth] of [
    [116, 4],
    [232, 8],
    [464, 4],
  ]) {
    const half = filters / 2
    for (let i = 0; i < depth; i++) {
      const [left, right] = i === 0 ? [x, x] : split(x, 1, 2)
      const kept =
        i === 0
          ? relu(conv(conv(left, left.shape[1], 3, { stride: 2, groups: left.shape[1] }), half, 1))
          : left
      const joined = concat(1, kept, branch(right, half, i === 0 ? 2 : 1))
      const size = joined.shape[2]
      x = reshape(transpose(reshape(joined, 1, 2, half, size, size), 0, 2, 1, 3, 4), 1, filters, size, size)
    }
  }
  return classify(relu(conv(x, 1024, 1)))
}

function vgg() {
  let x = image(128)
  for (const filters of [[64], [128], [256, 256], [512, 512], [512, 512]]) {
    for (const f of filters) x = relu(conv(x, f, 3))
    x = maxPool(x, 2, 2)
  }
  return done(gemm(relu(gemm(flatten(x), 1024)), 100))
}

function unet(up) {
  const block = (x, filters) => relu(conv(relu(conv(x, filters, 3)), filters, 3))
  let x = image(128)
  const kept = []
  for (const filters of [16, 32, 64]) {
    const y = block(x, filters)
    kept.push(y)
    x = maxPool(y, 2, 2)
  }
  x = block(x, 128)
  for (const skip of kept.reverse()) x = block(concat(1, up(x, skip.shape[1]), skip), skip.shape[1])
  return done(sigmoid(conv(x, 2, 1)))
}

function superResolution() {
  let x = relu(conv(image(96, 1), 64, 5))
  x = relu(conv(x, 64, 3))
  x = conv(relu(conv(x, 32, 3)), 9, 3)
  const [n, , h, w] = x.shape
  return done(x.network.node('DepthToSpace', [x], [[n, 1, 3 * h, 3 * w]], { blocksize: 3, mode: 'CRD' })[0])
}

function transformer(x, layers, heads, norm) {
  let y = x
  for (let i = 0; i < layers; i++) {
    y = norm(add(y, attention(y, heads)))
    y = norm(add(y, linear(gelu(linear(y, 4 * y.shape[2])), y.shape[2])))
  }
  return y
}
const bert = () => done(transformer(new Network().input(1, 128, 256), 4, 4, layerNormParts))
function vit() {
  const patches = conv(image(224), 192, 16, { stride: 16, padding: 0 })
  const tokens = transpose(reshape(patches, 1, 192, 196), 0, 2, 1)
  const encoded = transformer(tokens, 4, 3, layerNorm)
  return done(gemm(reshape(mean(encoded, 1), 1, 192), 1000))
}
function mean(x, axis) {
  const shape = x.shape.filter((_, i) => i !== axis)
  return x.network.node('ReduceMean', [x], [shape], { axes: [axis], keepdims: 0 })[0]
}

function convnext() {
  let x = conv(image(224), 96, 4, { stride: 4, padding: 0 })
  for (const [filters, depth] of [
    [96, 2],
    [192, 2],
    [384, 2],
  ]) {
    if (x.shape[1] !== filters) x = conv(x, filters, 2, { stride: 2, padding: 0 })
    for (let i = 0; i < depth; i++) {
      const last = transpose(conv(x, filters, 7, { groups: filters }), 0, 2, 3, 1)
      const y = linear(gelu(linear(layerNorm(last), 4 * filters)), filters)
      x = add(x, transpose(y, 0, 3, 1, 2))
    }
  }
  return classify(x)
}

function lstm() {
  let x = new Network().input(64, 1, 80)
  for (let i = 0; i < 2; i++) x = recurrent('LSTM', x, 128, { bidirectional: true })
  return done(linear(x, 32))
}
function gru() {
  const x = recurrent('GRU', new Network().input(100, 1, 40), 128)
  return done(linear(x, 32))
}

function wavenet() {
  let x = relu(conv(new Network().input(1, 1, 16000), 32, 80, { stride: 4 }))
  x = maxPool(x, 4, 4)
  for (let i = 0; i < 6; i++) {
    const y = mul(
      unaryTanh(conv(x, 32, 3, { dilation: 1 << i })),
      sigmoid(conv(x, 32, 3, { dilation: 1 << i })),
    )
    x = add(x, conv(y, 32, 1))
  }
  x = relu(conv(maxPool(x, 4, 4), 64, 3))
  return done(gemm(flatten(globalAverage(x)), 10))
}
const unaryTanh = (x) => x.network.node('Tanh', [x], [x.shape])[0]

function video() {
  let x = relu(conv(new Network().input(1, 3, 8, 56, 56), 32, [3, 7, 7], { stride: [1, 2, 2] }))
  for (const [filters, stride] of [
    [32, 1],
    [64, 2],
    [128, 2],
  ]) {
    const y = conv(relu(conv(x, filters, 3, { stride })), filters, 3)
    x = relu(add(y, stride === 1 ? x : conv(x, filters, 1, { stride })))
  }
  return done(gemm(flatten(globalAverage(x)), 101))
}

function detector() {
  const block = (y, filters, stride) => swish(conv(y, filters, 3, { stride }))
  const stem = block(block(image(256), 16, 2), 32, 2)
  const c3 = block(swish(conv(stem, 64, 1)), 64, 2)
  const c4 = block(swish(conv(c3, 128, 1)), 128, 2)
  const c5 = block(swish(conv(c4, 256, 1)), 256, 2)
  const spatial = swish(conv(concat(1, c5, maxPool(c5, 5, 1), maxPool(maxPool(c5, 5, 1), 5, 1)), 128, 1))
  const p4 = swish(conv(concat(1, upsample(spatial, 'nearest'), c4), 64, 3))
  const p3 = swish(conv(concat(1, upsample(p4, 'nearest'), c3), 64, 3))
  const heads = [p3, p4, spatial].map((level) => {
    const [, , h, w] = level.shape
    return reshape(transpose(conv(level, 84, 1), 0, 2, 3, 1), 1, h * w, 84)
  })
  const all = concat(1, ...heads)
  const [boxes, scores] = parts(all, [4, 80])
  const best = transpose(sigmoid(scores), 0, 2, 1)
  const limit = all.network.integers([20])
  const [kept] = all.network.node(
    'TopK',
    [reshape(best, 80, all.shape[1]), limit],
    [
      [80, 20],
      [80, 20],
    ],
  )
  return done(kept, boxes)
}
function parts(x, sizes) {
  const shapes = sizes.map((size) => [...x.shape.slice(0, -1), size])
  return x.network.node('Split', [x, x.network.integers(sizes)], shapes, { axis: x.shape.length - 1 })
}

/** Softmax over an axis that is not the last. */
function similarity() {
  const x = new Network().input(4, 100, 64)
  return done(softmax(matmul(x, transpose(x, 0, 2, 1)), 1))
}

/** Networks by name. */
export const zoo = {
  resnet18: () => resnet([2, 2, 2, 2]),
  resnet50: () => resnet([3, 4, 6, 3], { bottleneck: true }),
  resnext26: () => resnet([2, 2, 2, 2], { bottleneck: true, groups: 32, widen: 2 }),
  densenet121: densenet,
  vgg11: vgg,
  efficientnet,
  mobilenet_v3: mobilenetV3,
  shufflenet_v2: shufflenetV2,
  unet_transposed: () => unet((x, filters) => relu(upConv(x, filters, 2))),
  unet_transposed4: () => unet((x, filters) => relu(upConv(x, filters, 4))),
  unet_resize: () => unet((x, filters) => relu(conv(upsample(x, 'linear'), filters, 3))),
  super_resolution: superResolution,
  bert,
  vit,
  convnext,
  lstm,
  gru,
  wavenet,
  video,
  detector,
  similarity,
}
