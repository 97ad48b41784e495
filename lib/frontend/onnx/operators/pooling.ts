import { UNKNOWN_DIM } from '../../../ir/type.js'
import { abs, divide, emit, multiply, power, range, reduce } from '../emit.js'
import { broadcastToExtents, extentsOf } from '../extents.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import { numbers, OpenShape, scalar, type Value } from '../value.js'
import { type Geometry, reach, readGeometry } from './geometry.js'
import { largestPlaces } from './largest-places.js'
import { padSame } from './same-padding.js'

const layouts = ['NCW', 'NCHW', 'NCDHW']

export interface Pool extends Geometry {
  readonly output: readonly number[]
  /** Padding at the end that makes windows, rounded down, come to `output`; what `ceil_mode` adds is in it. */
  readonly fittedEnd: readonly number[]
  /** Whether windows of axes that only a run knows are rounded up. */
  readonly roundsUp: boolean
}

function readPool(node: OnnxNode, data: Value): Pool {
  const geometry = readGeometry(node, data.dims, node.attrs.ints('kernel_shape'))
  const ceil = node.attrs.flag('ceil_mode')
  const output: number[] = []
  const fittedEnd: number[] = []
  for (const [i, extent] of geometry.input.entries()) {
    const [stride, begin, end] = [geometry.strides[i], geometry.padBegin[i], geometry.padEnd[i]] as [
      number,
      number,
      number,
    ]
    const window = reach(geometry.kernel[i] as number, geometry.dilations[i] as number)
    if (extent < 0) {
      // Else a window might start in the padding at the end, which is left out.
      if (ceil && end + stride > window) throw new OpenShape('ceil_mode needs extents that only a run knows')
      output.push(extent)
      fittedEnd.push(end)
      continue
    }
    const steps = (extent + begin + end - window) / stride
    let count = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1
    // A window that would start in the padding at the end is left out.
    if (ceil && (count - 1) * stride >= extent + begin) count--
    if (count < 1) node.invalid(`a window of ${window} does not fit ${extent} elements`)
    output.push(count)
    fittedEnd.push(Math.max((count - 1) * stride + window - extent - begin, 0))
  }
  return { ...geometry, output, fittedEnd, roundsUp: ceil && output.includes(UNKNOWN_DIM) }
}

function emitPool(
  node: OnnxNode,
  kind: 'max' | 'avg',
  data: Value,
  pool: Pool,
  includePadding: boolean,
): Value {
  const spatial = data.rank - 2
  const layout =
    layouts[spatial - 1] ?? node.unsupported(`it has ${spatial} spatial axes; 1 to 3 are supported`)
  return emit(`nn.${kind}_pool${spatial}d`, [data], {
    pool_size: [...pool.kernel],
    strides: [...pool.strides],
    dilation: [...pool.dilations],
    padding: [...pool.padBegin, ...pool.fittedEnd],
    layout,
    ceil_mode: pool.roundsUp,
    ...(kind === 'avg' ? { count_include_pad: includePadding } : {}),
  })
}

/** How many elements of the input each window of one axis covers. */
function windowCounts(pool: Pool, axis: number): number[] {
  const at = (list: readonly number[]) => list[axis] as number
  return range(at(pool.output)).map((o) => {
    const start = o * at(pool.strides) - at(pool.padBegin)
    const places = range(at(pool.kernel)).map((k) => start + k * at(pool.dilations))
    return places.filter((place) => place >= 0 && place < at(pool.input)).length
  })
}

export function averagePool(node: OnnxNode, given: Value): Value {
  const same = padSame(node, given, node.attrs.ints('kernel_shape'), scalar(0, given.dtype))
  if (same.node !== node) {
    const whole = plainAveragePool(same.node, same.data)
    if (node.attrs.flag('count_include_pad')) return whole
    // The share of each window that is no padding.
    const ones = broadcastToExtents(scalar(1, given.dtype), [1, 1, ...extentsOf(given).slice(2)])
    const { data } = padSame(node, ones, node.attrs.ints('kernel_shape'), scalar(0, given.dtype))
    return divide(whole, plainAveragePool(same.node, data))
  }
  return plainAveragePool(node, given)
}

function plainAveragePool(node: OnnxNode, data: Value): Value {
  const pool = readPool(node, data)
  if (pool.roundsUp && node.attrs.flag('count_include_pad'))
    throw new OpenShape('ceil_mode with count_include_pad needs extents that only a run knows')
  const whole = emitPool(node, 'avg', data, pool, true)
  if (node.attrs.flag('count_include_pad')) return whole
  if (pool.input.some((extent) => extent < 0)) return emitPool(node, 'avg', data, pool, false)
  // The mean over whole windows, times their size over the number of elements that count.
  return range(pool.input.length).reduce((result, axis) => {
    const size = pool.kernel[axis] as number
    const factors = windowCounts(pool, axis).map((count) => size / Math.max(count, 1))
    if (factors.every((factor) => factor === 1)) return result
    return multiply(
      result,
      numbers(factors, data.dtype, [factors.length, ...pool.input.slice(axis + 1).map(() => 1)]),
    )
  }, whole)
}

const lowestOf = (dtype: string): number =>
  dtype.startsWith('u')
    ? 0
    : dtype.startsWith('int')
      ? -(2 ** (Number(dtype.slice(3)) - 1))
      : Number.NEGATIVE_INFINITY

operator('MaxPool', {
  since: 1,
  required: 1,
  convert(given, [x]) {
    const lowest = scalar(lowestOf(x.dtype), x.dtype)
    const { node, data } = padSame(given, x, given.attrs.ints('kernel_shape'), lowest)
    const pool = readPool(node, data)
    return [
      emitPool(node, 'max', data, pool, false),
      node.wants(1) ? largestPlaces(data, pool, node.attrs.flag('storage_order')) : undefined,
    ]
  },
})

operator('AveragePool', { since: 1, required: 1, convert: (node, [data]) => averagePool(node, data) })

operator('LpPool', {
  since: 1,
  required: 1,
  convert(node, [data]) {
    const p = node.attrs.int('p', 2)
    const pool = readPool(node, data)
    const size = pool.kernel.reduce((total, extent) => total * extent, 1)
    const mean = emitPool(node, 'avg', power(abs(data), p), pool, true)
    return power(multiply(mean, size), 1 / p)
  },
})

export function globalAveragePool(data: Value): Value {
  return data.rank === 4
    ? emit('nn.global_avg_pool2d', [data], {})
    : reduce('mean', data, range(data.rank, 2), true)
}

operator('GlobalAveragePool', {
  since: 1,
  required: 1,
  convert: (_node, [data]) => globalAveragePool(data),
})

operator('GlobalMaxPool', {
  since: 1,
  required: 1,
  convert(_node, [data]) {
    return data.rank === 4
      ? emit('nn.global_max_pool2d', [data], {})
      : reduce('max', data, range(data.rank, 2), true)
  },
})

operator('GlobalLpPool', {
  since: 1,
  required: 1,
  convert(node, [data]) {
    const p = node.attrs.int('p', 2)
    return power(reduce('sum', power(abs(data), p), range(data.rank, 2), true), 1 / p)
  },
})
