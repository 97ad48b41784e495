import {
  add,
  cast,
  concatenate,
  emit,
  emitMany,
  less,
  padRank,
  product,
  range,
  reshape,
  sliceAxis,
  stored,
  takeAxis,
  transpose,
  where,
} from '../emit.js'
import {
  countTo,
  dividedUp,
  type Extent,
  extentOf,
  extentsIn,
  extentsOf,
  extentValue,
  lesser,
  rowOf,
  sliceBetween,
  sliceByRows,
  times,
  withExtents,
} from '../extents.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import { numbers, OpenShape, type Value } from '../value.js'

operator('Concat', {
  since: 1,
  required: 1,
  convert(node, inputs) {
    const values = inputs.filter((value) => value !== undefined)
    const axis = node.axis(node.attrs.int('axis', 1), (values[0] as Value).rank)
    // Relay's operator has no form for parts of extent 0.
    const parts = values.filter((value) => value.dims[axis] !== 0)
    return parts.length === 0 ? (values[0] as Value) : concatenate(parts, axis)
  },
})

function split(node: OnnxNode, x: Value, sizes: readonly number[] | undefined): Value[] {
  const axis = node.axis(node.attrs.int('axis', 0), x.rank)
  if (x.dims[axis] === -1) return splitOpen(node, x, axis, sizes)
  const extent = x.dims[axis] as number
  const count = sizes?.length ?? node.attrs.int('num_outputs', node.outputCount)
  const size = Math.ceil(extent / count)
  const parts = sizes ?? range(count).map((i) => Math.max(Math.min(size, extent - i * size), 0))
  if (parts.reduce((total, part) => total + part, 0) !== extent)
    node.invalid(`parts [${parts}] do not add up to ${extent}`)
  let begin = 0
  return parts.map((part) => {
    begin += part
    return sliceAxis(x, axis, begin - part, begin)
  })
}

/** The same where only a run knows how long the axis is. */
function splitOpen(node: OnnxNode, x: Value, axis: number, sizes: readonly number[] | undefined): Value[] {
  const extent = extentOf(x, axis)
  const count = sizes?.length ?? node.attrs.int('num_outputs', node.outputCount)
  const even = sizes ? 0 : dividedUp(extent, count)
  const ends = range(count).map((i): Extent => {
    if (i === count - 1) return extent
    return sizes
      ? sizes.slice(0, i + 1).reduce((sum, size) => sum + size)
      : lesser(times(even, i + 1), extent)
  })
  return ends.map((end, i) => sliceBetween(x, axis, ends[i - 1] ?? 0, end))
}

operator('Split', {
  since: 1,
  required: 1,
  convert: (node, [x]) => split(node, x, node.attrs.optionalInts('split')),
})
operator('Split', {
  since: 13,
  required: 1,
  convert: (node, [x, sizes]) => split(node, x, sizes && node.numbers(sizes, 'split')),
})

interface SliceRange {
  readonly axis: number
  readonly start: number
  readonly end: number
  readonly step: number
}

/** Starts and ends of open axes go to the operator as they are, which moves them inside while the network runs. */
function slice(node: OnnxNode, x: Value, asked: readonly SliceRange[]): Value {
  const open = asked.filter(({ axis }) => x.dims[axis] === -1)
  const ranges = asked
    .filter(({ axis }) => x.dims[axis] !== -1)
    .map(({ axis, start, end, step }) => sliceRange(node, x.dims[axis] as number, axis, start, end, step))
  return open.reduce(sliceOpen, sliceKnown(x, ranges))
}

const MOST_PLACE = 2 ** 31 - 1

function sliceOpen(x: Value, { axis, start, end, step }: SliceRange): Value {
  const limit = (place: number) => Math.min(Math.max(place, -MOST_PLACE), MOST_PLACE)
  const last = OPEN_ENDS.has(end) ? (step > 0 ? MOST_PLACE : -MOST_PLACE) : limit(end)
  if (start === 0 && last === MOST_PLACE && step === 1) return x
  return emit('strided_slice', [x], {
    begin: [limit(start)],
    end: [last],
    strides: [step],
    axes: [axis],
    slice_mode: 'end',
  })
}

function sliceKnown(x: Value, ranges: readonly SliceRange[]): Value {
  const count = ({ start, end, step }: SliceRange) => Math.max(Math.ceil((end - start) / step), 0)
  const shape = [...x.dims]
  for (const each of ranges) shape[each.axis] = count(each)
  if (product(shape) === 0) return emit('zeros', [], { shape, dtype: x.dtype })
  const partial = ranges.filter(
    ({ axis, start, end, step }) => start !== 0 || end !== x.dims[axis] || step !== 1,
  )
  if (partial.length === 0) return x
  const forward = partial.filter(({ step }) => step > 0)
  const cut =
    forward.length === 0
      ? x
      : emit('strided_slice', [x], {
          begin: forward.map(({ start }) => start),
          end: forward.map(({ end }) => end),
          strides: forward.map(({ step }) => step),
          axes: forward.map(({ axis }) => axis),
          slice_mode: 'end',
        })
  const backward = partial.filter(({ step }) => step < 0)
  return backward.reduce((value, each) => {
    const places = range(count(each)).map((i) => each.start + i * each.step)
    return takeAxis(value, places, each.axis)
  }, cut)
}

/** Ends of this size stand for "to the end" in either direction, as ONNX Runtime has it. */
const OPEN_ENDS: ReadonlySet<number> = new Set([2 ** 31 - 1, 2 ** 63])

/** Starts and ends may lie outside; they are moved to the nearest place inside. */
function sliceRange(
  node: OnnxNode,
  extent: number,
  axis: number,
  start: number,
  end: number,
  step: number,
): SliceRange {
  if (step === 0) node.invalid('a step is 0')
  const [first, beyond, last] = step > 0 ? [0, extent, extent] : [-1, -1, extent - 1]
  const clamp = (place: number, low: number) =>
    Math.min(Math.max(place < 0 ? place + extent : place, low), last)
  return {
    axis,
    start: clamp(start, Math.min(0, last)),
    end: OPEN_ENDS.has(end) ? beyond : clamp(end, first),
    step,
  }
}

operator('Slice', {
  since: 1,
  required: 1,
  convert(node, [x]) {
    const [starts, ends] = [node.attrs.ints('starts'), node.attrs.ints('ends')]
    const axes = node.attrs.ints('axes', range(starts.length))
    return slice(
      node,
      x,
      starts.map((start, i) => ({
        axis: node.axis(axes[i] as number, x.rank),
        start,
        end: ends[i] ?? node.invalid('ends are too few'),
        step: 1,
      })),
    )
  },
})

operator('Slice', {
  since: 10,
  required: 3,
  convert(node, [x, starts, ends, axes, steps]) {
    const begin = node.knownNumbers(starts, 'starts')
    const end = node.knownNumbers(ends, 'ends')
    const [count = 0] = starts.shape
    const along = axes ? node.numbers(axes, 'axes') : range(count)
    if (!begin || !end) return sliceByValues(node, x, starts, ends, along, steps)
    const stride = steps ? node.numbers(steps, 'steps') : begin.map(() => 1)
    if ([end, along, stride].some(({ length }) => length !== begin.length))
      node.invalid('starts, ends, axes and steps differ in length')
    if (stride.includes(0)) node.invalid('a step is 0')
    return slice(
      node,
      x,
      begin.map((start, i) => ({
        axis: node.axis(along[i] as number, x.rank),
        start,
        end: end[i] as number,
        step: stride[i] as number,
      })),
    )
  },
})

/** A slice whose places are computed while the network runs. */
function sliceByValues(
  node: OnnxNode,
  x: Value,
  starts: Value,
  ends: Value,
  along: readonly number[],
  steps: Value | undefined,
): Value {
  const own = extentsOf(x)
  const axes = along.map((axis) => node.axis(axis, x.rank))
  const [begin, end, stride] = [starts, ends, steps].map((row) => row && extentsIn(row))
  const at = (row: readonly Extent[] | undefined, otherwise: (axis: number) => Extent) =>
    rowOf(own.map((_, axis) => (axes.includes(axis) && row?.[axes.indexOf(axis)]) || otherwise(axis)))
  return sliceByRows(
    x,
    at(begin, () => 0),
    at(end, (axis) => (axes.includes(axis) ? 0 : (own[axis] as Extent))),
    at(stride, () => 1),
    own.map((extent, axis) => (axes.includes(axis) ? extentValue(1) : extent)),
  )
}

/** Negative indices count from the end; constants are resolved here. */
function fromFront(indices: Value, extent: Extent): Value {
  const known = indices.numbers
  if (known?.every((at) => at >= 0)) return indices
  if (known && typeof extent === 'number')
    return numbers(
      known.map((at) => (at < 0 ? at + extent : at)),
      'int64',
      indices.shape,
    )
  // Scalars beside tensors of open extents are rows of one: see `takeScalar`.
  const length = typeof extent === 'number' ? extent : cast(extent, indices.dtype)
  return where(less(indices, 0), add(indices, length), indices)
}

/** The library's functions for extents know no scalars, so that the index is a row of one. */
function takeScalar(x: Value, index: Value, axis: number): Value {
  const row = index.isConstant ? reshape(index, [1]) : stored(reshape(index, [1]))
  const taken = emit('take', [x, fromFront(row, extentOf(x, axis))], { axis, mode: 'clip' })
  return emit('squeeze', [taken], { axis: [axis] })
}

operator('Gather', {
  since: 1,
  required: 2,
  convert(node, [x, indices]) {
    if (x.rank === 0) node.invalid('a scalar has no axis to take elements from')
    const axis = node.axis(node.attrs.int('axis', 0), x.rank)
    const extent = extentOf(x, axis)
    const known = typeof extent === 'number' ? indices.numbers : undefined
    if (known?.some((at) => at < -(extent as number) || at >= (extent as number)))
      node.invalid(`an index is outside of the ${extent} elements of axis ${axis}`)
    if (indices.rank === 0 && node.open && !(known && !x.isOpen)) return takeScalar(x, indices, axis)
    return emit('take', [x, fromFront(indices, extent)], { axis, mode: known ? 'fast' : 'clip' })
  },
})

operator('GatherElements', {
  since: 11,
  required: 2,
  convert(node, [x, indices]) {
    if (x.rank === 0) node.invalid('a scalar has no axis to take elements from')
    const axis = node.axis(node.attrs.int('axis', 0), x.rank)
    if (indices.rank !== x.rank) node.invalid(`indices [${indices.dims}] do not fit [${x.dims}]`)
    // Relay wants the extents of the other axes to be equal, ONNX lets the indices cover fewer.
    const covered = indices.dims.reduce(
      (value, extent, at) =>
        at === axis || extent === -1 || x.dims[at] === -1 ? value : sliceAxis(value, at, 0, extent),
      x,
    )
    return emit('gather', [covered, fromFront(indices, extentOf(x, axis))], { axis })
  },
})

/** Coordinates [..., width], each counted from the front of its axis of `extents`. */
function coordinatesFromFront(indices: Value, extents: readonly Extent[]): Value {
  const known = indices.numbers
  const width = extents.length
  if (known?.every((at) => at >= 0)) return indices
  if (known && extents.every((extent) => typeof extent === 'number'))
    return numbers(
      known.map((at, i) => (at < 0 ? at + (extents[i % width] as number) : at)),
      'int64',
      indices.shape,
    )
  return where(less(indices, 0), add(indices, cast(rowOf(extents), indices.dtype)), indices)
}

/** Moves the last axis to the front, where Relay has coordinates. */
function lastToFront(x: Value): Value {
  return transpose(x, [x.rank - 1, ...range(x.rank - 1)])
}

/** How many coordinates a place has. */
function widthOf(indices: Value): number {
  const width = indices.dims.at(-1)
  if (width === undefined || width < 0) throw new OpenShape()
  return width
}

operator('GatherND', {
  since: 11,
  required: 2,
  convert(node, [x, indices]) {
    const batch = node.attrs.int('batch_dims', 0)
    const width = widthOf(indices)
    if (batch + width > x.rank)
      node.invalid(`${width} coordinates after ${batch} batch axes exceed shape [${x.dims}]`)
    const places = coordinatesFromFront(indices, extentsOf(x).slice(batch, batch + width))
    return emit('gather_nd', [x, lastToFront(places)], { batch_dims: batch, index_rank: width })
  },
})

const reductions: Readonly<Record<string, string>> = {
  none: 'update',
  add: 'add',
  mul: 'mul',
  min: 'min',
  max: 'max',
}

function reductionOf(node: OnnxNode): string {
  const name = node.attrs.string('reduction', 'none')
  return reductions[name] ?? node.invalid(`reduction is '${name}'`)
}

for (const name of ['Scatter', 'ScatterElements']) {
  operator(name, {
    since: name === 'Scatter' ? 9 : 11,
    required: 3,
    convert(node, [x, indices, updates]) {
      if (x.rank === 0) node.invalid('a scalar has no axis to write elements along')
      const axis = node.axis(node.attrs.int('axis', 0), x.rank)
      const places = fromFront(indices, extentOf(x, axis))
      return emit('scatter_elements', [x, places, updates], { axis, reduction: reductionOf(node) })
    },
  })
}

operator('ScatterND', {
  since: 11,
  required: 3,
  convert(node, [x, indices, updates]) {
    const width = widthOf(indices)
    const places = coordinatesFromFront(indices, extentsOf(x).slice(0, width))
    return emit('scatter_nd', [x, lastToFront(places), updates], { mode: reductionOf(node) })
  },
})

operator('OneHot', {
  since: 9,
  required: 3,
  convert(node, [indices, depth, values]) {
    const count: Extent = node.knownNumbers(depth, 'depth')?.[0] ?? reshape(cast(depth, 'int64'), [1])
    const axis = node.attrs.int('axis', -1)
    const at = axis < 0 ? axis + indices.rank + 1 : axis
    if (!(at >= 0 && at <= indices.rank))
      node.invalid(`axis ${axis} is outside of ${indices.rank + 1} dimensions`)
    const places = cast(indices, 'int64')
    const wrapped = fromFront(places, count)
    const own = padRank(countTo(count), indices.rank - at + 1, true)
    const hit = emit('equal', [emit('expand_dims', [wrapped], { axis: at, num_newaxis: 1 }), own])
    const [off, on] = [0, 1].map((i) => reshape(sliceAxis(values, 0, i, i + 1), [])) as [Value, Value]
    return emit('where', [hit, on, off])
  },
})

operator('ReverseSequence', {
  since: 10,
  required: 2,
  convert({ attrs }, [x, lengths]) {
    return emit('reverse_sequence', [x, lengths], {
      seq_axis: attrs.int('time_axis', 0),
      batch_axis: attrs.int('batch_axis', 1),
    })
  },
})

operator('CumSum', {
  since: 11,
  required: 2,
  convert(node, [x, axisValue]) {
    const axis = node.axis(node.number(axisValue, 'axis'), x.rank)
    const reverse = node.attrs.flag('reverse')
    const flip = (value: Value) => (reverse ? emit('reverse', [value], { axis }) : value)
    return flip(emit('cumsum', [flip(x)], { axis, dtype: x.dtype, exclusive: node.attrs.flag('exclusive') }))
  },
})

operator('TopK', {
  since: 1,
  required: 1,
  convert(node, [x, k]) {
    const { attrs } = node
    const axis = node.axis(attrs.int('axis', -1), x.rank)
    const known = k ? node.knownNumbers(k, 'k') : [attrs.int('k')]
    const extent = x.dims[axis] as number
    const [count] = known ?? []
    if (known && count === undefined) node.invalid('its k is empty')
    if (count !== undefined && extent >= 0 && count > extent)
      node.invalid(`k is ${count}, axis ${axis} has ${extent} elements`)
    const operands = count === undefined && k ? [x, reshape(k, [1])] : [x]
    const results = emitMany(count === undefined ? 'dyn.topk' : 'topk', operands, 2, {
      k: count ?? null,
      axis,
      ret_type: 'both',
      is_ascend: !attrs.flag('largest', true),
      dtype: 'int64',
    })
    const extents = extentsOf(x).map((each, at) => (at === axis ? extentValue(1) : each))
    return count === undefined ? results.map((each) => withExtents(each, extents)) : results
  },
})
