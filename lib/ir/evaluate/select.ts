import type { TvmArray, TvmObject } from '../../runtime/index.js'
import { emptyTensor, type Tensor } from '../../tensor.js'
import { extent } from '../type.js'
import { axisOf, normalize, optionalInts } from './attributes.js'
import type { Evaluator, ResultType } from './evaluator.js'
import { broadcast, compactStrides, copyInto, copyView, memory, product } from './strided.js'

/** Copies parts of constants: slices, repetitions, picked elements. */
export const selections: Readonly<Record<string, Evaluator>> = {
  strided_slice: ([x], attrs, { shape }) => x && stridedSlice(x, attrs, shape),
  take: ([x, indices], attrs, result) => x && indices && take(x, indices, attrs, result),
  gather: ([x, indices], attrs, result) => x && indices && gather(x, indices, attrs, result),
  where: ([condition, yes, no], _attrs, { shape, dtype }) => {
    if (!condition || !yes || !no) return undefined
    const [chosen, left, right] = [condition, yes, no].map((value) => memory(broadcast(value, shape)))
    const result = emptyTensor(dtype, shape)
    const to = memory(result)
    for (let i = 0; i < to.length; i++) to[i] = (chosen?.[i] ? left : right)?.[i] as never
    return result
  },
  concatenate: (inputs, attrs, result) => {
    const axis = axisOf(attrs, result.shape.length)
    return axis === undefined ? undefined : concatenate(inputs, axis, result)
  },
  stack: (inputs, attrs, result) => {
    const axis = axisOf(attrs, result.shape.length)
    if (axis === undefined) return undefined
    const apart = inputs.map(({ shape, ...rest }) => ({
      ...rest,
      shape: [...shape.slice(0, axis), 1, ...shape.slice(axis)],
    }))
    return concatenate(apart, axis, result)
  },
  'nn.pad': ([x, fill], attrs, { shape, dtype }) => {
    if (!x || !fill || attrs.get('pad_mode') !== 'constant') return undefined
    const before = (attrs.get('pad_width') as TvmArray<TvmArray>).toArray().map((each) => extent(each.at(0)))
    if (before.some((width) => width < 0) || x.shape.some((dim, i) => dim > (shape[i] as number)))
      return undefined
    const result = emptyTensor(dtype, shape)
    memory(result).fill(memory(fill)[0] as never)
    const strides = compactStrides(shape)
    const offset = before.reduce((sum, width, axis) => sum + width * (strides[axis] as number), 0)
    copyInto(result, { shape: x.shape, strides, offset }, x, {
      shape: x.shape,
      strides: compactStrides(x.shape),
      offset: 0,
    })
    return result
  },
  tile: ([x], _attrs, { shape, dtype }) => {
    if (!x) return undefined
    const lead = shape.length - x.shape.length
    const own = shape.map((_, axis) => x.shape[axis - lead] ?? 1)
    // Each axis becomes two: which repetition, and the place within it.
    const strides = compactStrides(own)
    const times = shape.map((extent, axis) => extent / Math.max(own[axis] as number, 1))
    const view = {
      shape: own.flatMap((extent, axis) => [times[axis] as number, extent]),
      strides: strides.flatMap((stride) => [0, stride]),
      offset: 0,
    }
    return product(shape) === 0 ? emptyTensor(dtype, shape) : copyView(x, view, shape)
  },
  repeat: ([x], attrs, { shape }) => {
    const axis = x && axisOf(attrs, x.shape.length)
    if (!x || axis === undefined) return undefined
    const after = axis + 1
    const apart = [...x.shape.slice(0, after), 1, ...x.shape.slice(after)]
    const times = apart.map((extent, at) => (at === after ? Number(attrs.get('repeats')) : extent))
    return { ...broadcast({ ...x, shape: apart }, times), shape: [...shape] }
  },
  reverse: ([x], attrs, { shape }) => {
    const axis = axisOf(attrs, shape.length)
    if (!x || axis === undefined || product(shape) === 0) return undefined
    const strides = compactStrides(shape)
    const step = strides[axis] as number
    strides[axis] = -step
    return copyView(x, { shape, strides, offset: ((shape[axis] as number) - 1) * step })
  },
}

function stridedSlice(x: Tensor, attrs: TvmObject, shape: readonly number[]): Tensor | undefined {
  const begins = optionalInts(attrs, 'begin')
  if (!begins || product(shape) === 0) return undefined
  const steps = optionalInts(attrs, 'strides') ?? []
  const axes = optionalInts(attrs, 'axes') ?? begins.map((_, axis) => axis)
  const byExtents = attrs.get('slice_mode') === 'size'
  const strides = compactStrides(x.shape)
  let offset = 0
  for (const [i, begin] of begins.entries()) {
    const axis = normalize(axes[i] as number, x.shape.length)
    const extent = x.shape[axis] as number
    // One stride holds for all axes when only one is given.
    const step = byExtents ? 1 : (steps[i] ?? (steps.length === 1 ? (steps[0] as number) : 1))
    const from = begin < 0 ? begin + extent : begin
    const start = Math.min(Math.max(from, 0), extent - 1)
    offset += start * (strides[axis] as number)
    strides[axis] = (strides[axis] as number) * step
  }
  return copyView(x, { shape, strides, offset })
}

function concatenate(inputs: readonly Tensor[], axis: number, { shape, dtype }: ResultType): Tensor {
  const result = emptyTensor(dtype, shape)
  const row = product(shape.slice(axis))
  let offset = 0
  for (const input of inputs) {
    const width = product(input.shape.slice(axis))
    const block = [product(shape.slice(0, axis)), width]
    const to = { shape: block, strides: [row, 1], offset }
    copyInto(result, to, input, { shape: block, strides: [width, 1], offset: 0 })
    offset += width
  }
  return result
}

/** The places that indices stand for; undefined when one lies outside, which is left to the library. */
function places(indices: Tensor, extent: number): number[] | undefined {
  const picks = Array.from(indices.data as ArrayLike<number | bigint>, Number)
  if (picks.some((pick) => pick < -extent || pick >= extent)) return undefined
  return picks.map((pick) => (pick < 0 ? pick + extent : pick))
}

function take(
  x: Tensor,
  indices: Tensor,
  attrs: TvmObject,
  { shape, dtype }: ResultType,
): Tensor | undefined {
  const axis = axisOf(attrs, x.shape.length)
  if (axis === undefined || Number(attrs.get('batch_dims')) !== 0) return undefined
  const length = x.shape[axis] as number
  const picks = places(indices, length)
  if (!picks) return undefined
  const result = emptyTensor(dtype, shape)
  const outer = product(x.shape.slice(0, axis))
  const inner = product(x.shape.slice(axis + 1))
  const [to, from] = [memory(result), memory(x)]
  let at = 0
  for (let n = 0; n < outer; n++) {
    for (const pick of picks) {
      const start = (n * length + pick) * inner
      to.set(from.subarray(start, start + inner) as never, at)
      at += inner
    }
  }
  return result
}

function gather(
  x: Tensor,
  indices: Tensor,
  attrs: TvmObject,
  { shape, dtype }: ResultType,
): Tensor | undefined {
  const axis = axisOf(attrs, x.shape.length) ?? 0
  const picks = places(indices, x.shape[axis] as number)
  if (!picks) return undefined
  const result = emptyTensor(dtype, shape)
  const [to, from, strides] = [memory(result), memory(x), compactStrides(x.shape)]
  const own = compactStrides(shape)
  for (const [i, pick] of picks.entries()) {
    const source = shape.reduce((sum, extent, at) => {
      const place = at === axis ? pick : Math.floor(i / (own[at] as number)) % extent
      return sum + place * (strides[at] as number)
    }, 0)
    to[i] = from[source] as never
  }
  return result
}
