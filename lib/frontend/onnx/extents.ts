import { UNKNOWN_DIM } from '../../ir/type.js'
import { add, concatenate, emit, multiply, range, reshape, sliceAxis } from './emit.js'
import { numbers, scalar, type Value } from './value.js'

/** An extent of a tensor: a number, or where only a run knows it, an int64 value [1]. */
export type Extent = number | Value

/** Of each value that was asked for: the same extent is the same object, so that it can be recognised. */
const known = new WeakMap<Value, Extent[]>()

export function extentsOf(x: Value): readonly Extent[] {
  let extents = known.get(x)
  if (!extents) {
    const row = x.isOpen ? emit('shape_of', [x], { dtype: 'int64' }) : undefined
    extents = x.dims.map((dim, axis) => (dim === UNKNOWN_DIM && row ? sliceExtents(row, axis) : dim))
    known.set(x, extents)
  }
  return extents
}

export function extentOf(x: Value, axis: number): Extent {
  return extentsOf(x)[axis] as Extent
}

/** Element `axis` of an int64 row of extents. */
export function sliceExtents(row: Value, axis: number): Extent {
  return sliceAxis(row, 0, axis, axis + 1)
}

/** The extents that a row of numbers says: those that are known, and elements of the row. */
export function extentsIn(row: Value): readonly Extent[] {
  const [length = 0] = row.shape
  const certain = row.extents ?? new Array<number>(length).fill(UNKNOWN_DIM)
  const wide = emitCast(row)
  return certain.map((extent, i) =>
    row.isConstant || extent !== UNKNOWN_DIM ? extent : sliceExtents(wide, i),
  )
}
function emitCast(row: Value): Value {
  return row.isConstant || row.dtype === 'int64' ? row : emit('cast', [row], { dtype: 'int64' })
}

/** An extent as an int64 value [1]. */
export function extentValue(extent: Extent): Value {
  return typeof extent === 'number' ? numbers([extent], 'int64') : extent
}

/** Extents side by side as an int64 value. */
export function rowOf(extents: readonly Extent[]): Value {
  if (extents.every((extent) => typeof extent === 'number')) return numbers(extents, 'int64')
  return concatenate(extents.map(extentValue), 0)
}

const isNumber = (extent: Extent): extent is number => typeof extent === 'number'

export function times(a: Extent, b: Extent): Extent {
  if (isNumber(a) && isNumber(b)) return a * b
  if (a === 1) return b
  return b === 1 ? a : multiply(extentValue(a), extentValue(b))
}
export function plus(a: Extent, b: Extent): Extent {
  if (isNumber(a) && isNumber(b)) return a + b
  if (a === 0) return b
  return b === 0 ? a : add(extentValue(a), extentValue(b))
}
/** An extent over a number, rounded up. */
export function dividedUp(a: Extent, by: number): Extent {
  if (isNumber(a)) return Math.ceil(a / by)
  return emit('floor_divide', [add(a, by - 1), numbers([by], 'int64')])
}
export function lesser(a: Extent, b: Extent): Extent {
  if (isNumber(a) && isNumber(b)) return Math.min(a, b)
  return emit('minimum', [extentValue(a), extentValue(b)])
}
export function productOf(extents: readonly Extent[]): Extent {
  return extents.reduce(times, 1)
}
/** The extents that NumPy's rules broadcast two of them to; undefined when they do not fit. */
function joined(a: Extent, b: Extent): Extent | undefined {
  if (a === b || b === 1) return a
  if (a === 1) return b
  if (isNumber(a) && isNumber(b)) return undefined
  // A given extent above 1 is what the other one must be, or become.
  if (isNumber(a)) return a
  if (isNumber(b)) return b
  return emit('where', [emit('equal', [a, numbers([1], 'int64')]), b, a])
}
/** The extents that NumPy's rules broadcast these to; undefined when they do not fit. */
export function broadcastExtents(...shapes: readonly (readonly Extent[])[]): Extent[] | undefined {
  const rank = Math.max(0, ...shapes.map(({ length }) => length))
  const result = new Array<Extent>(rank).fill(1)
  for (const shape of shapes) {
    for (const [i, extent] of shape.entries()) {
      const at = rank - shape.length + i
      const both = joined(result[at] as Extent, extent)
      if (both === undefined) return undefined
      result[at] = both
    }
  }
  return result
}

const sameExtents = (a: readonly Extent[], b: readonly Extent[]) =>
  a.length === b.length && a.every((extent, i) => extent === b[i])

/** `reshape` to extents of which a run may have to say some. */
export function reshapeTo(x: Value, extents: readonly Extent[]): Value {
  if (extents.every(isNumber) && !x.isOpen) return reshape(x, extents)
  const own = extentsOf(x)
  if (sameExtents(own, extents)) return x
  const COPY = 0
  const codes = extents.map((extent, i) =>
    isNumber(extent) ? extent : extent === own[i] ? COPY : UNKNOWN_DIM,
  )
  const zero = extents.includes(0)
  const rest = codes.filter((code) => code === UNKNOWN_DIM).length
  if (rest <= 1 && !zero) return emit('reshape', [x], { newshape: codes })
  const shaped = emit('dyn.reshape', [x, rowOf(extents)], { newshape: null, allowzero: true })
  return withExtents(shaped, extents)
}

/** Says of a value what is known of its extents, where its operator leaves all of them open. */
export function withExtents(x: Value, extents: readonly Extent[]): Value {
  if (!extents.some(isNumber) || extents.includes(0)) return x
  return emit('reshape', [x], { newshape: extents.map((extent) => (isNumber(extent) ? extent : 0)) })
}

/** `broadcastTo` extents of which a run may have to say some. */
export function broadcastToExtents(x: Value, extents: readonly Extent[]): Value {
  if (sameExtents(extentsOf(x), extents)) return x
  if (extents.every(isNumber)) return emit('broadcast_to', [x], { shape: [...extents] })
  // The library's functions for extents and its virtual machine disagree about scalars.
  const row = x.rank === 0 ? reshape(x, [1]) : x
  return withExtents(emit('dyn.broadcast_to', [row, rowOf(extents)], { shape: null }), extents)
}

/** The integers from 0 to before an extent, as int64 [extent]. */
export function countTo(extent: Extent): Value {
  if (isNumber(extent)) return numbers(range(extent), 'int64')
  const [start, step] = [scalar(0, 'int64'), scalar(1, 'int64')]
  return arange(start, reshape(extent, []), step)
}

/** `start`, `start + step`... to before `stop`: scalars of one type. */
export function arange(start: Value, stop: Value, step: Value): Value {
  const attrs = { start: start.expr, stop: stop.expr, step: step.expr, dtype: start.dtype }
  return emit('arange', [start, stop, step], attrs)
}

/** The part of one axis from `begin` to before `end`, where a run has to say some of that; places are within the axis. */
export function sliceBetween(x: Value, axis: number, begin: Extent, end: Extent): Value {
  if (begin === 0 && end === extentOf(x, axis)) return x
  if (isNumber(begin) && isNumber(end)) return sliceAxis(x, axis, begin, end)
  const own = extentsOf(x)
  const at = (chosen: Extent, others: (each: number) => Extent) =>
    own.map((_, each) => (each === axis ? chosen : others(each)))
  return sliceByRows(
    x,
    rowOf(at(begin, () => 0)),
    rowOf(at(end, (each) => own[each] as Extent)),
    numbers(
      own.map(() => 1),
      'int64',
    ),
    own.map((extent, each) => (each === axis ? extentValue(1) : extent)),
  )
}

/** A slice of all axes whose begins, ends and steps are rows of numbers; `extents` says which are known to stay. */
export function sliceByRows(
  x: Value,
  begin: Value,
  end: Value,
  strides: Value,
  extents: readonly Extent[],
): Value {
  const attrs = { begin: null, end: null, strides: null, slice_mode: 'end', axes: null }
  return withExtents(emit('dyn.strided_slice', [x, begin, end, strides], attrs), extents)
}

/** The elements of `axis` at computed places, each within range. */
export function takeAt(x: Value, places: Value, axis: number): Value {
  return emit('take', [x, places], { axis, mode: 'clip' })
}
