import {
  allocate,
  type Buffer,
  extern,
  loop,
  type OutputType,
  type Stmt,
  sequence,
  when,
} from '../../ir/stmt.js'
import type { Tensor } from '../../ir/te.js'
import {
  add,
  cast,
  constant,
  type ExprLike,
  floordiv,
  ge,
  gt,
  ifThenElse,
  lt,
  min,
  mul,
  type PrimExpr,
  shiftLeft,
  sub,
} from '../../ir/tir.js'
import { extent } from '../../ir/type.js'
import { type Attrs, OpPattern, registerPattern } from '../strategy.js'
import { alongAxis, type ExternContext, outputExtents, productOf, registerExtern } from './extern.js'
import { selectFirst } from './select-first.js'

const INDEX = 'int32'
/** Up to this part of a row it is faster to keep the best ones in a heap than to sort the row. */
const LARGEST_SELECTION = 0.25

const twice = (width: ExprLike): ExprLike => (typeof width === 'number' ? 2 * width : mul(width, 2))
function runs(length: ExprLike, width: ExprLike): ExprLike {
  if (typeof length === 'number' && typeof width === 'number') return Math.ceil(length / (2 * width))
  const span = twice(width) as PrimExpr
  return floordiv(sub(add(span, length), 1), span)
}
/** Passes by fours that sort as many elements as there may be. */
const MOST_PASSES = 16

/** One pass of a merge sort: neighbouring sorted runs of `width` places become sorted runs of twice the width. */
function mergePass(
  from: Buffer,
  to: Buffer,
  cursors: Buffer,
  {
    length,
    width,
    precedes,
  }: { length: ExprLike; width: ExprLike; precedes: (a: PrimExpr, b: PrimExpr) => PrimExpr },
): Stmt {
  const no = constant(0, 'bool')
  const yes = constant(1, 'bool')
  return loop(runs(length, width), (run) => {
    const start = mul(run, twice(width))
    const middle = min(add(start, width), length)
    const end = min(add(start, twice(width)), length)
    const [left, right] = [cursors.at(0), cursors.at(1)]
    // Equal elements keep their order: the right one goes first only if it must.
    const rightFirst = ifThenElse(
      ge(right, end),
      no,
      ifThenElse(ge(left, middle), yes, precedes(from.at(right), from.at(left))),
    )
    const take = (cursor: number, at: PrimExpr) =>
      sequence(to.store(from.at(cursors.at(cursor)), at), cursors.store(add(cursors.at(cursor), 1), cursor))
    return sequence(
      cursors.store(start, 0),
      cursors.store(middle, 1),
      loop(sub(end, start), (k) => when(rightFirst, take(1, add(start, k)), take(0, add(start, k)))),
    )
  })
}

/**
 * Sorts the rows of `x` along `axis`, each on a thread: stable merge sort of the places of the elements. `write` stores the
 * results of a row: `place(k)` is where the k-th smallest (or largest) element stands.
 */
function sortRows(
  x: Tensor,
  axis: number,
  ascending: boolean,
  outputs: readonly OutputType[],
  { parallel }: ExternContext,
  write: (outputs: Buffer[], place: (k: PrimExpr) => PrimExpr, row: PrimExpr, source: Buffer) => Stmt,
): Tensor[] {
  const shape = x.extents
  const length = shape[axis] as ExprLike
  const rows = productOf(shape.filter((_, each) => each !== axis))
  const widths: number[] = []
  if (typeof length === 'number') for (let width = 1; width < length; width *= 2) widths.push(width)
  const sortRow = (row: PrimExpr, source: Buffer, results: Buffer[]) =>
    allocate(length, INDEX, (first) =>
      allocate(length, INDEX, (second) =>
        allocate(2, INDEX, (cursors) => {
          const at = alongAxis(shape, axis, row)
          const key = (place: PrimExpr) => source.at(...at(place))
          const precedes = (a: PrimExpr, b: PrimExpr) => (ascending ? lt : gt)(key(a), key(b))
          const buffers = [first, second] as const
          const pass = (n: number, width: ExprLike) =>
            mergePass(buffers[n % 2] as Buffer, buffers[(n + 1) % 2] as Buffer, cursors, {
              length,
              width,
              precedes,
            })
          // Of a length that is not known, passes come in pairs, which end in the buffer that they began with.
          const passes =
            typeof length === 'number'
              ? widths.map((width, n) => pass(n, width))
              : [
                  loop(MOST_PASSES, (n) => {
                    const width = shiftLeft(constant(1, INDEX), mul(n, 2))
                    return when(lt(width, length), sequence(pass(0, width), pass(1, twice(width))))
                  }),
                ]
          const sorted = buffers[widths.length % 2] as Buffer
          return sequence(
            loop(length, (k) => first.store(k, k)),
            ...passes,
            write(results, (k) => sorted.at(k), row, source),
          )
        }),
      ),
    )
  return extern(
    [x],
    outputs,
    ([source], results) =>
      loop(rows, (row) => sortRow(row, source as Buffer, results), {
        parallel: parallel(productOf([rows, length, widths.length])),
      }),
    'sort',
  )
}

function axisOf(attrs: Attrs, x: Tensor): number {
  const rank = x.shape.length
  return (extent(attrs.get('axis')) + rank) % rank
}
const ascends = (attrs: Attrs) => Boolean(attrs.get('is_ascend'))

registerExtern('sort', (attrs, [input], context) => {
  const x = input as Tensor
  const axis = axisOf(attrs, x)
  const output = { shape: x.dims, dtype: x.dtype }
  return sortRows(x, axis, ascends(attrs), [output], context, ([values], place, row, source) => {
    const at = alongAxis(x.extents, axis, row)
    return loop(x.extents[axis] as ExprLike, (k) =>
      (values as Buffer).store(source.at(...at(place(k))), ...at(k)),
    )
  })
})

registerExtern('argsort', (attrs, [input], context) => {
  const x = input as Tensor
  const axis = axisOf(attrs, x)
  const dtype = attrs.get('dtype') as string
  const output = { shape: x.dims, dtype }
  return sortRows(x, axis, ascends(attrs), [output], context, ([places], place, row) => {
    const at = alongAxis(x.extents, axis, row)
    return loop(x.extents[axis] as ExprLike, (k) => (places as Buffer).store(cast(place(k), dtype), ...at(k)))
  })
})

function largest(attrs: Attrs, x: Tensor, asked: number | undefined, context: ExternContext): Tensor[] {
  const axis = axisOf(attrs, x)
  const dtype = attrs.get('dtype') as string
  const wanted = attrs.get('ret_type') as string
  // As many as the result's type says, where their number is computed.
  const known = asked === undefined ? outputExtents(context.outType)[axis] : asked
  const count = (typeof known === 'number' && known < 1 ? x.extents[axis] : known) as ExprLike
  const shape = x.extents.map((dim, a) => (a === axis ? count : dim))
  const outputs = [
    ...(wanted === 'indices' ? [] : [{ shape, dtype: x.dtype }]),
    ...(wanted === 'values' ? [] : [{ shape, dtype }]),
  ]
  const write = (results: Buffer[], place: (k: PrimExpr) => PrimExpr, row: PrimExpr, source: Buffer) => {
    const at = alongAxis(x.extents, axis, row)
    return loop(count, (k) =>
      sequence(
        ...results.map((result, i) => {
          const isValue = wanted !== 'indices' && i === 0
          return result.store(isValue ? source.at(...at(place(k))) : cast(place(k), dtype), ...at(k))
        }),
      ),
    )
  }
  const length = x.extents[axis] as ExprLike
  const few = typeof count === 'number' && typeof length === 'number' && count <= length * LARGEST_SELECTION
  if (!few) return sortRows(x, axis, ascends(attrs), outputs, context, write)
  const rows = productOf(x.extents.filter((_, each) => each !== axis))
  const selectRow = (row: PrimExpr, source: Buffer, results: Buffer[]) => {
    const at = alongAxis(x.extents, axis, row)
    return selectFirst({
      length,
      count,
      dtype: x.dtype,
      key: (place) => source.at(...at(place)),
      precedes: ascends(attrs) ? lt : gt,
      write: (place) => write(results, place, row, source),
    })
  }
  return extern(
    [x],
    outputs,
    ([source], results) =>
      loop(rows, (row) => selectRow(row, source as Buffer, results), {
        parallel: context.parallel(productOf([rows, length])),
      }),
    'topk',
  )
}
registerExtern('topk', (attrs, [x], context) => largest(attrs, x as Tensor, extent(attrs.get('k')), context))
registerExtern('dyn.topk', (attrs, [x], context) => largest(attrs, x as Tensor, undefined, context))
for (const op of ['sort', 'argsort', 'topk', 'dyn.topk']) registerPattern(op, OpPattern.OPAQUE)
