import {
  add,
  cast,
  concatenate,
  emit,
  emitMany,
  less,
  product,
  range,
  reshape,
  sliceAxis,
  takeAxis,
  transpose,
  where,
} from '../emit.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import { numbers, type Value } from '../value.js'

operator('Concat', {
  since: 1,
  required: 1,
  convert(node, inputs) {
    const values = inputs.filter((value) => value !== undefined)
    const axis = node.axis(node.attrs.int('axis', 1), (values[0] as Value).rank)
    // Relay's operator has no form for parts of extent 0.
    const parts = values.filter((value) => value.shape[axis] !== 0)
    return parts.length === 0 ? (values[0] as Value) : concatenate(parts, axis)
  },
})

function split(node: OnnxNode, x: Value, sizes: readonly number[] | undefined): Value[] {
  const axis = node.axis(node.attrs.int('axis', 0), x.rank)
  const extent = x.shape[axis] as number
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

function slice(x: Value, ranges: readonly SliceRange[]): Value {
  const count = ({ start, end, step }: SliceRange) => Math.max(Math.ceil((end - start) / step), 0)
  const shape = [...x.shape]
  for (const each of ranges) shape[each.axis] = count(each)
  if (product(shape) === 0) return emit('zeros', [], { shape, dtype: x.dtype })
  const partial = ranges.filter(
    ({ axis, start, end, step }) => start !== 0 || end !== x.shape[axis] || step !== 1,
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
      x,
      starts.map((start, i) => {
        const axis = node.axis(axes[i] as number, x.rank)
        return sliceRange(
          node,
          x.shape[axis] as number,
          axis,
          start,
          ends[i] ?? node.invalid('ends are too few'),
          1,
        )
      }),
    )
  },
})

operator('Slice', {
  since: 10,
  required: 3,
  convert(node, [x, starts, ends, axes, steps]) {
    const begin = node.numbers(starts, 'starts')
    const end = node.numbers(ends, 'ends')
    const along = axes ? node.numbers(axes, 'axes') : range(begin.length)
    const stride = steps ? node.numbers(steps, 'steps') : begin.map(() => 1)
    if ([end, along, stride].some(({ length }) => length !== begin.length))
      node.invalid('starts, ends, axes and steps differ in length')
    return slice(
      x,
      begin.map((start, i) => {
        const axis = node.axis(along[i] as number, x.rank)
        return sliceRange(node, x.shape[axis] as number, axis, start, end[i] as number, stride[i] as number)
      }),
    )
  },
})

/** Negative indices count from the end; constants are resolved here. */
function fromFront(indices: Value, extent: number): Value {
  const known = indices.numbers
  if (known)
    return numbers(
      known.map((at) => (at < 0 ? at + extent : at)),
      'int64',
      indices.shape,
    )
  return where(less(indices, 0), add(indices, extent), indices)
}

operator('Gather', {
  since: 1,
  required: 2,
  convert(node, [x, indices]) {
    if (x.rank === 0) node.invalid('a scalar has no axis to take elements from')
    const axis = node.axis(node.attrs.int('axis', 0), x.rank)
    const extent = x.shape[axis] as number
    const known = indices.numbers
    if (known?.some((at) => at < -extent || at >= extent))
      node.invalid(`an index is outside of the ${extent} elements of axis ${axis}`)
    return emit('take', [x, fromFront(indices, extent)], { axis, mode: known ? 'fast' : 'clip' })
  },
})

operator('GatherElements', {
  since: 11,
  required: 2,
  convert(node, [x, indices]) {
    if (x.rank === 0) node.invalid('a scalar has no axis to take elements from')
    const axis = node.axis(node.attrs.int('axis', 0), x.rank)
    if (indices.rank !== x.rank) node.invalid(`indices [${indices.shape}] do not fit [${x.shape}]`)
    // Relay wants the extents of the other axes to be equal, ONNX lets the indices cover fewer.
    const covered = indices.shape.reduce(
      (value, extent, at) => (at === axis ? value : sliceAxis(value, at, 0, extent)),
      x,
    )
    return emit('gather', [covered, fromFront(indices, x.shape[axis] as number)], { axis })
  },
})

/** Coordinates [..., width], each counted from the front of its axis of `extents`. */
function coordinatesFromFront(indices: Value, extents: readonly number[]): Value {
  const known = indices.numbers
  const width = extents.length
  if (known)
    return numbers(
      known.map((at, i) => (at < 0 ? at + (extents[i % width] as number) : at)),
      'int64',
      indices.shape,
    )
  return where(less(indices, 0), add(indices, numbers(extents, indices.dtype)), indices)
}

/** Moves the last axis to the front, where Relay has coordinates. */
function lastToFront(x: Value): Value {
  return transpose(x, [x.rank - 1, ...range(x.rank - 1)])
}

operator('GatherND', {
  since: 11,
  required: 2,
  convert(node, [x, indices]) {
    const batch = node.attrs.int('batch_dims', 0)
    const width = indices.shape.at(-1) as number
    if (batch + width > x.rank)
      node.invalid(`${width} coordinates after ${batch} batch axes exceed shape [${x.shape}]`)
    const places = coordinatesFromFront(indices, x.shape.slice(batch, batch + width))
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
      const places = fromFront(indices, x.shape[axis] as number)
      return emit('scatter_elements', [x, places, updates], { axis, reduction: reductionOf(node) })
    },
  })
}

operator('ScatterND', {
  since: 11,
  required: 3,
  convert(node, [x, indices, updates]) {
    const width = indices.shape.at(-1) as number
    const places = coordinatesFromFront(indices, x.shape.slice(0, width))
    return emit('scatter_nd', [x, lastToFront(places), updates], { mode: reductionOf(node) })
  },
})

operator('OneHot', {
  since: 9,
  required: 3,
  convert(node, [indices, depth, values]) {
    const count = node.number(depth, 'depth')
    const axis = node.attrs.int('axis', -1)
    const at = axis < 0 ? axis + indices.rank + 1 : axis
    if (!(at >= 0 && at <= indices.rank))
      node.invalid(`axis ${axis} is outside of ${indices.rank + 1} dimensions`)
    const places = cast(indices, 'int64')
    const wrapped = where(less(places, 0), add(places, count), places)
    const own = numbers(range(count), 'int64', [count, ...new Array<number>(indices.rank - at).fill(1)])
    const hit = emit('equal', [
      reshape(wrapped, [...indices.shape.slice(0, at), 1, ...indices.shape.slice(at)]),
      own,
    ])
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
    const count = k ? node.number(k, 'k') : attrs.int('k')
    if (count > (x.shape[axis] as number))
      node.invalid(`k is ${count}, axis ${axis} has ${x.shape[axis]} elements`)
    return emitMany('topk', [x], 2, {
      k: count,
      axis,
      ret_type: 'both',
      is_ascend: !attrs.flag('largest', true),
      dtype: 'int64',
    })
  },
})
