import { TvmNodeError } from '../../errors.js'
import { type Buffer, extern, loop, type Stmt, sequence, when } from '../../ir/stmt.js'
import type { Tensor } from '../../ir/te.js'
import { add, all, type ExprLike, ge, ifThenElse, lt, max, min, mul, type PrimExpr } from '../../ir/tir.js'
import { int, text } from '../attrs.js'
import { alongAxis, productOf, registerExtern, unravel } from './extern.js'

type Combine = (current: PrimExpr, update: PrimExpr) => PrimExpr

const combinations: Readonly<Record<string, Combine>> = { update: (_, update) => update, add, mul, min, max }

function combination(op: string, name: string): Combine {
  const combine = combinations[name]
  if (!combine)
    throw new TvmNodeError('ERR_NO_IMPLEMENTATION', `${op} has no implementation of mode '${name}'`, {
      details: { op },
    })
  return combine
}

/** Copies all elements, on several threads where that pays. */
function copyAll(from: Buffer, to: Buffer, shape: readonly ExprLike[], parallel: boolean): Stmt {
  return loop(productOf(shape), (i) => to.store(from.at(...unravel(i, shape)), ...unravel(i, shape)), {
    parallel,
  })
}

/** Combines the element at `indices` with `update`; nothing happens where an index is outside. */
function combineAt(
  result: Buffer,
  indices: readonly PrimExpr[],
  checked: PrimExpr[],
  update: PrimExpr,
  combine: Combine,
): Stmt {
  return when(all(...checked), result.store(combine(result.at(...indices), update), ...indices))
}

registerExtern('scatter_elements', (attrs, inputs, { parallel }) => {
  const [data, indices, updates] = inputs as [Tensor, Tensor, Tensor]
  const shape = data.extents
  const axis = (int(attrs, 'axis') + shape.length) % shape.length
  const combine = combination('scatter_elements', text(attrs, 'reduction'))
  const length = shape[axis] as ExprLike
  const body = (from: Buffer, places: Buffer, values: Buffer, to: Buffer) => {
    const rows = productOf(indices.extents.filter((_, each) => each !== axis))
    // Elements of different rows go to different places; those of one row may not.
    const update = loop(
      rows,
      (row) => {
        const at = alongAxis(indices.extents, axis, row)
        return loop(indices.extents[axis] as ExprLike, (k) => {
          const place = places.at(...at(k))
          const wrapped = ifThenElse(lt(place, 0), add(place, length), place)
          const where = at(wrapped) as PrimExpr[]
          const inside = [ge(wrapped, 0), lt(wrapped, length)]
          return combineAt(to, where, inside, values.at(...at(k)), combine)
        })
      },
      { parallel: parallel(productOf(indices.extents)) },
    )
    return sequence(copyAll(from, to, shape, parallel(productOf(shape))), update)
  }
  return extern(
    [data, indices, updates],
    [{ shape: data.dims, dtype: data.dtype }],
    ([from, places, values], [to]) => body(from as Buffer, places as Buffer, values as Buffer, to as Buffer),
    'scatter_elements',
  )
})

registerExtern('scatter_nd', (attrs, inputs, { parallel }) => {
  const [data, indices, updates] = inputs as [Tensor, Tensor, Tensor]
  const shape = data.extents
  const combine = combination('scatter_nd', text(attrs, 'mode'))
  const [width, ...points] = indices.extents as [number, ...ExprLike[]]
  const slice = shape.slice(width)
  const body = (from: Buffer, places: Buffer, values: Buffer, to: Buffer) => {
    // Points may repeat, so that they are taken one after the other.
    const update = loop(productOf(points), (p) => {
      const point = unravel(p, points)
      const coordinates = shape.slice(0, width).map((extent, m) => {
        const place = places.at(m, ...point)
        return ifThenElse(lt(place, 0), add(place, extent), place)
      })
      const inside = coordinates.flatMap((at, m) => [ge(at, 0), lt(at, shape[m] as ExprLike)])
      return loop(productOf(slice), (s) => {
        const rest = unravel(s, slice)
        return combineAt(to, [...coordinates, ...rest], inside, values.at(...point, ...rest), combine)
      })
    })
    return sequence(copyAll(from, to, shape, parallel(productOf(shape))), update)
  }
  return extern(
    [data, indices, updates],
    [{ shape: data.dims, dtype: data.dtype }],
    ([from, places, values], [to]) => body(from as Buffer, places as Buffer, values as Buffer, to as Buffer),
    'scatter_nd',
  )
})
