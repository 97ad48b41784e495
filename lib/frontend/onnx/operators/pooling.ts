import { abs, emit, multiply, power, range, reduce } from '../emit.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import { numbers, OpenShape, type Value } from '../value.js'
import { type Geometry, reach, readGeometry } from './geometry.js'
import { largestPlaces } from './largest-places.js'

const layouts = ['NCW', 'NCHW', 'NCDHW']

export interface Pool extends Geometry {
  readonly output: readonly number[]
  /** Padding at the end that makes windows, rounded down, come to `output`; what `ceil_mode` adds is in it. */
  readonly fittedEnd: readonly number[]
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
      if (ceil) throw new OpenShape('ceil_mode needs extents that only a run knows')
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
  return { ...geometry, output, fittedEnd }
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
    ceil_mode: false,
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

export function averagePool(node: OnnxNode, data: Value): Value {
  const pool = readPool(node, data)
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

operator('MaxPool', {
  since: 1,
  required: 1,
  convert(node, [data]) {
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
