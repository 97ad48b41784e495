import {
  add,
  cast,
  concatenate,
  emit,
  greaterEqual,
  less,
  multiply,
  padRank,
  range,
  reshape,
  sliceAxis,
  subtract,
  transpose,
  where,
} from '../emit.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import { numbers, scalar, type Value } from '../value.js'
import { matmul } from './matmul.js'
import { dequantized } from './quantization.js'

/**
 * Attention as ONNX Runtime's transformer tools write it (domain `com.microsoft`, ONNX Runtime 1.20, docs/ContribOperators.md).
 */
const domain = 'com.microsoft'

/** Queries, keys and values by head, [batch, heads, length, width]. */
interface Heads {
  readonly query: Value
  readonly key: Value
  readonly value: Value
}

/** [batch, length, heads * width] by head. */
function split(node: OnnxNode, x: Value, heads: number): Value {
  if (x.rank === 4) return x
  const [batch, length, width] = x.shape as [number, number, number]
  if (x.rank !== 3 || width % heads !== 0)
    node.invalid(`shape [${x.shape}] does not divide into ${heads} heads`)
  return transpose(reshape(x, [batch, length, heads, width / heads]), [0, 2, 1, 3])
}

function merge(x: Value): Value {
  const [batch, heads, length, width] = x.shape as [number, number, number, number]
  return reshape(transpose(x, [0, 2, 1, 3]), [batch, length, heads * width])
}

/** What is added to the scores of keys that a mask leaves out; undefined without a mask. */
function maskScores(
  node: OnnxNode,
  mask: Value | undefined,
  batch: number,
  keys: number,
  like: Value,
): Value | undefined {
  if (!mask) return undefined
  const filter = node.attrs.float('mask_filter_value', -10000)
  const whole = cast(mask, 'int32')
  const places = numbers(range(keys), 'int32', [1, keys])
  const column = (x: Value) => reshape(x, [batch, 1])
  let kept: Value
  if (mask.rank === 1 && mask.shape[0] === batch) kept = less(places, column(whole))
  else if (mask.rank === 1 && mask.shape[0] === 2 * batch) {
    const [end, start] = [sliceAxis(whole, 0, 0, batch), sliceAxis(whole, 0, batch, 2 * batch)]
    kept = emit('logical_and', [less(places, column(end)), greaterEqual(places, column(start))])
  } else if (mask.rank === 2 || mask.rank === 3) kept = greaterEqual(whole, 1)
  else return node.unsupported(`a mask of shape [${mask.shape}] is not supported`)
  const rank4 =
    kept.rank === 2
      ? reshape(kept, [kept.shape[0] as number, 1, 1, keys])
      : reshape(kept, [batch, 1, ...kept.shape.slice(1)])
  return where(rank4, scalar(0, like.dtype), scalar(filter, like.dtype))
}

/** softmax(scale QK^T + biases) V. */
function attend(
  node: OnnxNode,
  { query, key, value }: Heads,
  biases: readonly (Value | undefined)[],
  causal: boolean,
): Value {
  const [queries, width] = query.shape.slice(-2) as [number, number]
  const keys = key.shape[2] as number
  const given = node.attrs.float('scale', 0)
  const scaled = multiply(query, given === 0 ? 1 / Math.sqrt(width) : given)
  let scores = matmul(node, scaled, transpose(key, [0, 1, 3, 2]))
  if (causal) {
    const allowed = range(queries).flatMap((i) => range(keys).map((j) => Number(j <= i + keys - queries)))
    const lowest = scalar(node.attrs.float('mask_filter_value', -10000), scores.dtype)
    const bias = where(numbers(allowed, 'bool', [1, 1, queries, keys]), scalar(0, scores.dtype), lowest)
    scores = add(scores, bias)
  }
  for (const bias of biases) if (bias) scores = add(scores, padRank(bias, 4))
  return matmul(node, emit('nn.softmax', [scores], { axis: -1 }), value)
}

/** Keys and values [2, batch, heads, length, width] of steps before. */
function past(state: Value | undefined, which: 0 | 1): Value | undefined {
  return state && reshape(sliceAxis(state, 0, which, which + 1), state.shape.slice(1))
}
const after = (before: Value | undefined, now: Value) => (before ? concatenate([before, now], 2) : now)
const stacked = (...parts: Value[]) =>
  concatenate(
    parts.map((part) => reshape(part, [1, ...part.shape])),
    0,
  )

function selfAttention(
  node: OnnxNode,
  projected: Value,
  heads: number,
  widths: readonly number[],
  { mask, state, bias }: { mask: Value | undefined; state: Value | undefined; bias: Value | undefined },
): Value[] {
  if (node.attrs.flag('do_rotary')) node.unsupported('rotary embeddings within attention are not supported')
  const [q = 0, k = 0, v = 0] = widths
  if (projected.shape[2] !== q + k + v)
    node.invalid(`weights of ${projected.shape[2]} columns are not ${widths.join(' + ')}`)
  const part = (begin: number, width: number) =>
    split(node, sliceAxis(projected, 2, begin, begin + width), heads)
  const key = after(past(state, 0), part(q, k))
  const value = after(past(state, 1), part(q + k, v))
  const query = part(0, q)
  const hidden = maskScores(node, mask, query.shape[0] as number, key.shape[2] as number, query)
  const result = attend(node, { query, key, value }, [hidden, bias], node.attrs.flag('unidirectional'))
  return [merge(result), ...(node.wants(1) ? [stacked(key, value)] : [])]
}

function thirds(node: OnnxNode, columns: number): readonly number[] {
  return node.attrs.ints('qkv_hidden_sizes', [columns / 3, columns / 3, columns / 3])
}

operator(`${domain}.Attention`, {
  since: 1,
  required: 2,
  convert(node, [input, weights, bias, mask, state, attentionBias]) {
    const product = matmul(node, input, weights)
    const projected = bias ? add(product, bias) : product
    const widths = thirds(node, weights.shape[1] as number)
    return selfAttention(node, projected, node.attrs.int('num_heads'), widths, {
      mask,
      state,
      bias: attentionBias,
    })
  },
})

operator(`${domain}.QAttention`, {
  since: 1,
  required: 4,
  convert(node, [input, weights, bias, inputScale, weightScale, mask, inputZero, weightZero, state]) {
    if (!weightScale) return node.invalid('it needs a scale of its weights')
    const real = dequantized(weights, weightScale, weightZero, 1)
    const projected = add(matmul(node, dequantized(input, inputScale, inputZero), real), bias)
    const widths = thirds(node, weights.shape[1] as number)
    return selfAttention(node, projected, node.attrs.int('num_heads'), widths, {
      mask,
      state,
      bias: undefined,
    })
  },
})

operator(`${domain}.MultiHeadAttention`, {
  since: 1,
  required: 1,
  convert(node, [query, key, value, bias, mask, attentionBias, pastKey, pastValue]) {
    const heads = node.attrs.int('num_heads')
    const [batch, length] = query.shape as [number, number]
    const unpacked = (x: Value, count: number) =>
      range(count).map((i) => {
        const each = sliceAxis(x, 3, i, i + 1)
        return reshape(each, [batch, x.shape[1] as number, heads * (x.shape[4] as number)])
      })
    let parts: (Value | undefined)[] = [query, key, value]
    if (query.rank === 5) parts = unpacked(query, 3)
    else if (key?.rank === 5) parts = [query, ...unpacked(key, 2)]
    let at = 0
    const [q, k, v] = parts.map((part) => {
      if (!part) return node.unsupported('queries without keys and values are not supported')
      const width = part.rank === 4 ? heads * (part.shape[3] as number) : (part.shape[2] as number)
      const own = bias && sliceAxis(bias, 0, at, at + width)
      at += width
      return split(node, own && part.rank === 3 ? add(part, own) : part, heads)
    }) as [Value, Value, Value]
    const keys = after(pastKey, k)
    const values = after(pastValue, v)
    const hidden = maskScores(node, mask, batch, keys.shape[2] as number, q)
    const result = attend(
      node,
      { query: q, key: keys, value: values },
      [hidden, attentionBias],
      node.attrs.flag('unidirectional'),
    )
    return [
      reshape(
        merge(result),
        [batch, length, -1].map((n) => (n < 0 ? heads * (v.shape[3] as number) : n)),
      ),
      keys,
      values,
    ]
  },
})

/** x cos + rotated(x) sin, of pairs that are neighbours or lie half a width apart. */
operator(`${domain}.RotaryEmbedding`, {
  since: 1,
  required: 4,
  convert(node, [x, positions, cosines, sines]) {
    const heads = node.attrs.int('num_heads', 0)
    const dims = node.attrs.int('rotary_embedding_dim', 0)
    const half = cosines.shape[1] as number
    const by4 = x.rank === 4 ? x : split(node, x, heads || (x.shape[2] as number) / (dims || 2 * half))
    const [batch, , length, width] = by4.shape as [number, number, number, number]
    const places =
      positions.shape.reduce((a, b) => a * b, 1) === 1
        ? add(reshape(positions, [1, 1]), numbers(range(length), positions.dtype, [1, length]))
        : positions
    const table = (values: Value) => {
      const rows = emit('take', [values, places], { axis: 0, mode: 'clip' })
      return reshape(rows, [rows.shape[0] as number, 1, length, half])
    }
    const [cos, sin] = [table(cosines), table(sines)]
    const turned = sliceAxis(by4, 3, 0, 2 * half)
    const rest = sliceAxis(by4, 3, 2 * half, width)
    const interleaved = node.attrs.flag('interleaved')
    const shape = [batch, by4.shape[1] as number, length]
    const pairs = interleaved ? reshape(turned, [...shape, half, 2]) : reshape(turned, [...shape, 2, half])
    const axis = interleaved ? 4 : 3
    const member = (i: number) => reshape(sliceAxis(pairs, axis, i, i + 1), [...shape, half])
    const [a, b] = [member(0), member(1)]
    const results = [subtract(multiply(a, cos), multiply(b, sin)), add(multiply(b, cos), multiply(a, sin))]
    const apart = results.map((each) => reshape(each, [...shape, ...(interleaved ? [half, 1] : [1, half])]))
    const joined = reshape(concatenate(apart, axis), [...shape, 2 * half])
    const result = 2 * half === width ? joined : concatenate([joined, rest], 3)
    return x.rank === 4 ? result : merge(result)
  },
})
