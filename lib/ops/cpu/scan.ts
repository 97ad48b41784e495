import { type Buffer, extern, loop, sequence } from '../../ir/stmt.js'
import type { Tensor } from '../../ir/te.js'
import { add, cast, constant, type ExprLike, mul, type PrimExpr, sub } from '../../ir/tir.js'
import { extent } from '../../ir/type.js'
import type { Attrs } from '../strategy.js'
import { type ExternContext, productOf, registerExtern, unravel } from './extern.js'

/**
 * Running sums or products along one axis: [outer, axis, inner], the outer part on several threads. Each step reads the one
 * before it from the result, so that the elements beside each other are independent.
 */
function scan(
  combine: (a: PrimExpr, b: PrimExpr) => PrimExpr,
  identity: number,
  attrs: Attrs,
  x: Tensor,
  { parallel }: ExternContext,
): Tensor {
  const axisValue = attrs.get('axis')
  const shape = x.extents
  const flat = axisValue === null
  const total = productOf(shape)
  const extents = flat ? [total] : shape
  const axis = flat ? 0 : (extent(axisValue) + shape.length) % shape.length
  const dtype = (attrs.get('dtype') as string) || x.dtype
  const exclusive = extent(attrs.get('exclusive')) !== 0
  const length = extents[axis] as ExprLike
  const outer = productOf(extents.slice(0, axis))
  const inner = productOf(extents.slice(axis + 1))
  const body = (source: Buffer, result: Buffer) =>
    loop(
      outer,
      (o) => {
        const at = (k: ExprLike, i: PrimExpr) => [
          ...unravel(o, extents.slice(0, axis)),
          k,
          ...unravel(i, extents.slice(axis + 1)),
        ]
        const value = (k: ExprLike, i: PrimExpr) => {
          const indices = at(k, i)
          const where = flat ? unravel(indices[0] as PrimExpr, shape) : indices
          return cast(source.at(...where), dtype)
        }
        const first = (i: PrimExpr) => (exclusive ? constant(identity, dtype) : value(0, i))
        const next = (k: PrimExpr, i: PrimExpr) =>
          combine(result.at(...at(k, i)), value(exclusive ? k : add(k, 1), i))
        return sequence(
          loop(inner, (i) => result.store(first(i), ...at(0, i))),
          loop(typeof length === 'number' ? length - 1 : sub(length, 1), (k) =>
            loop(inner, (i) => result.store(next(k, i), ...at(add(k, 1), i))),
          ),
        )
      },
      { parallel: parallel(total) },
    )
  const [result] = extern(
    [x],
    [{ shape: flat ? [total] : shape, dtype }],
    ([source], [to]) => body(source as Buffer, to as Buffer),
    'scan',
  )
  return result as Tensor
}

registerExtern('cumsum', (attrs, [x], context) => [scan(add, 0, attrs, x as Tensor, context)])
registerExtern('cumprod', (attrs, [x], context) => [scan(mul, 1, attrs, x as Tensor, context)])
