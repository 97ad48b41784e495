import type { DType } from '../../../tensor.js'
import {
  add,
  cast,
  divide,
  emit,
  less,
  log,
  multiply,
  reshape,
  sqrt,
  stored,
  subtract,
  where,
} from '../emit.js'
import { broadcastToExtents, countTo, type Extent, extentsOf, productOf, reshapeTo } from '../extents.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import { elementType } from '../tensor-proto.js'
import { numbers, scalar, type Value } from '../value.js'

/**
 * Random numbers are functions of a seed and of their place alone, so that sessions have no state and a compiled network gives the
 * same numbers at each run. A node without a seed has one made of its name.
 */
function seedOf(node: OnnxNode): number {
  if (node.attrs.has('seed')) {
    // Dropout has a whole number.
    const seed = node.proto.opType === 'Dropout' ? node.attrs.int('seed') : node.attrs.float('seed')
    return new Uint32Array(Float32Array.of(seed).buffer)[0] as number
  }
  // FNV-1a.
  return [...node.label].reduce(
    (hash, letter) => Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x01000193) >>> 0,
    0x811c9dc5,
  )
}

const word = (value: number) => numbers([value >>> 0], 'uint32')
const shifted = (x: Value, by: number) => emit('bitwise_xor', [x, emit('right_shift', [x, word(by)])])

/** Bits of which each depends on all bits of `x` (the finaliser of MurmurHash3). */
function mixed(x: Value): Value {
  const once = stored(multiply(shifted(x, 16), word(0x85ebca6b)))
  const twice = stored(multiply(shifted(once, 13), word(0xc2b2ae35)))
  return shifted(twice, 16)
}

/** Uniform numbers above 0 and below 1, one for each place of a row; `stream` tells several rows of a node apart. */
function uniformRow(node: OnnxNode, count: Extent, stream: number, dtype: DType): Value {
  const place = cast(countTo(count), 'uint32')
  const start = mixed(add(word(seedOf(node)), word(Math.imul(stream, 0x9e3779b9))))
  const bits = mixed(add(multiply(place, word(0x9e3779b1)), start))
  // 23 bits and a half, so that neither end is met in single precision.
  const fraction = multiply(add(cast(emit('right_shift', [bits, word(9)]), 'float32'), 0.5), 2 ** -23)
  return cast(fraction, dtype)
}

/** Uniform numbers of these extents. */
export function uniform(
  node: OnnxNode,
  extents: readonly Extent[],
  dtype: DType = 'float32',
  stream = 0,
): Value {
  return reshapeTo(uniformRow(node, productOf(extents), stream, dtype), extents)
}

/** Standard normal numbers (Box and Muller, 1958). */
function normal(node: OnnxNode, extents: readonly Extent[], dtype: DType): Value {
  const radius = sqrt(multiply(log(uniform(node, extents, dtype)), -2))
  return multiply(radius, emit('cos', [multiply(uniform(node, extents, dtype, 1), 2 * Math.PI)]))
}

function dtypeOf(node: OnnxNode, otherwise: DType): DType {
  return node.attrs.has('dtype') ? elementType(node.attrs.int('dtype'), node.label) : otherwise
}

type Distribution = (node: OnnxNode, extents: readonly Extent[], dtype: DType) => Value

const distributions: Readonly<Record<string, Distribution>> = {
  RandomUniform(node, extents, dtype) {
    const [low, high] = [node.attrs.float('low', 0), node.attrs.float('high', 1)]
    return add(multiply(uniform(node, extents, dtype), high - low), low)
  },
  RandomNormal(node, extents, dtype) {
    const [mean, scale] = [node.attrs.float('mean', 0), node.attrs.float('scale', 1)]
    return add(multiply(normal(node, extents, dtype), scale), mean)
  },
}

for (const [name, draw] of Object.entries(distributions)) {
  operator(name, {
    since: 1,
    required: 0,
    convert: (node) => draw(node, node.attrs.ints('shape'), dtypeOf(node, 'float32')),
  })
  operator(`${name}Like`, {
    since: 1,
    required: 1,
    convert: (node, [x]) => draw(node, extentsOf(x), dtypeOf(node, x.dtype)),
  })
}

operator('Bernoulli', {
  since: 15,
  required: 1,
  convert: (node, [p]) => cast(less(uniform(node, extentsOf(p), p.dtype), p), dtypeOf(node, p.dtype)),
})

// The largest of logarithms of probabilities with Gumbel noise is distributed as they say (Gumbel, 1954).
operator('Multinomial', {
  since: 7,
  required: 1,
  convert(node, [x]) {
    const [batch, classes] = extentsOf(x) as [Extent, Extent]
    const extents = [batch, node.attrs.int('sample_size', 1), classes]
    const noise = emit('negative', [log(emit('negative', [log(uniform(node, extents, x.dtype))]))])
    const scores = add(reshapeTo(x, [batch, 1, classes]), noise)
    const drawn = emit('argmax', [scores], { axis: [2], keepdims: false, exclude: false })
    return cast(drawn, dtypeOf(node, 'int32'))
  },
})

operator('Dropout', {
  since: 1,
  required: 1,
  convert(node, [x, ratioValue, training]) {
    const ratio = ratioValue ? ratioValue.numbers?.[0] : 0.5
    const rests = ratio === 0 || !training || node.number(training, 'training_mode') === 0
    const extents = extentsOf(x)
    const maskType: DType = node.opset < 10 ? x.dtype : 'bool'
    if (rests) return [x, node.wants(1) ? broadcastToExtents(scalar(1, maskType), extents) : undefined]
    const share = ratioValue ? cast(reshape(ratioValue, [1]), x.dtype) : numbers([0.5], x.dtype)
    const kept = emit('greater_equal', [uniform(node, extents, x.dtype), share])
    const scaled = divide(x, subtract(numbers([1], x.dtype), share))
    return [where(kept, scaled, 0), node.wants(1) ? cast(kept, maskType) : undefined]
  },
})
