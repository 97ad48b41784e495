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
import { add, cast, constant, ge, gt, ifThenElse, lt, min, mul, type PrimExpr, sub } from '../../ir/tir.js'
import { extent } from '../../ir/type.js'
import { type Attrs, OpPattern, registerPattern } from '../strategy.js'
import { alongAxis, type ExternContext, registerExtern } from './extern.js'

const INDEX = 'int32'

/** One pass of a merge sort: neighbouring sorted runs of `width` places become sorted runs of twice the width. */
function mergePass(
  from: Buffer,
  to: Buffer,
  cursors: Buffer,
  {
    length,
    width,
    precedes,
  }: { length: number; width: number; precedes: (a: PrimExpr, b: PrimExpr) => PrimExpr },
): Stmt {
  const no = constant(0, 'bool')
  const yes = constant(1, 'bool')
  return loop(Math.ceil(length / (2 * width)), (run) => {
    const start = mul(run, 2 * width)
    const middle = min(add(start, width), length)
    const end = min(add(start, 2 * width), length)
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
  const { shape } = x
  const length = shape[axis] as number
  const total = shape.reduce((product, dim) => product * dim, 1)
  const widths: number[] = []
  for (let width = 1; width < length; width *= 2) widths.push(width)
  const sortRow = (row: PrimExpr, source: Buffer, results: Buffer[]) =>
    allocate(length, INDEX, (first) =>
      allocate(length, INDEX, (second) =>
        allocate(2, INDEX, (cursors) => {
          const at = alongAxis(shape, axis, row)
          const key = (place: PrimExpr) => source.at(...at(place))
          const precedes = (a: PrimExpr, b: PrimExpr) => (ascending ? lt : gt)(key(a), key(b))
          const buffers = [first, second] as const
          const passes = widths.map((width, pass) =>
            mergePass(buffers[pass % 2] as Buffer, buffers[(pass + 1) % 2] as Buffer, cursors, {
              length,
              width,
              precedes,
            }),
          )
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
      loop(total / length, (row) => sortRow(row, source as Buffer, results), {
        parallel: parallel(total * widths.length),
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
    const at = alongAxis(x.shape, axis, row)
    return loop(x.shape[axis] as number, (k) =>
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
    const at = alongAxis(x.shape, axis, row)
    return loop(x.shape[axis] as number, (k) => (places as Buffer).store(cast(place(k), dtype), ...at(k)))
  })
})

registerExtern('topk', (attrs, [input], context) => {
  const x = input as Tensor
  const axis = axisOf(attrs, x)
  const dtype = attrs.get('dtype') as string
  const wanted = attrs.get('ret_type') as string
  const asked = extent(attrs.get('k'))
  const count = asked < 1 ? (x.shape[axis] as number) : asked
  const shape = x.dims.map((dim, a) => (a === axis ? count : dim))
  const outputs = [
    ...(wanted === 'indices' ? [] : [{ shape, dtype: x.dtype }]),
    ...(wanted === 'values' ? [] : [{ shape, dtype }]),
  ]
  return sortRows(x, axis, ascends(attrs), outputs, context, (results, place, row, source) => {
    const at = alongAxis(x.shape, axis, row)
    return loop(count, (k) =>
      sequence(
        ...results.map((result, i) => {
          const isValue = wanted !== 'indices' && i === 0
          return result.store(isValue ? source.at(...at(place(k))) : cast(place(k), dtype), ...at(k))
        }),
      ),
    )
  })
})
for (const op of ['sort', 'argsort', 'topk']) registerPattern(op, OpPattern.OPAQUE)
