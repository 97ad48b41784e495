import type { Tensor } from '../../ir/te.js'
import { compute, reduceAxis, sum } from '../../ir/te.js'
import { cast, constant, ifThenElse, mul, ne, type PrimExpr } from '../../ir/tir.js'
import { int, text } from '../attrs.js'
import { type Extents, index, registerShape } from './shape-function.js'

/** How many elements are not zero. */
registerShape(
  'argwhere',
  ({ tensors: [condition] }) => {
    const x = condition as Tensor
    const axes = x.dims.map((dim, i) => reduceAxis(dim, `k${i}`))
    const element = x.at(...axes.map((axis) => axis.var))
    const one = ifThenElse(
      ne(element, constant(0, element.dtype)),
      constant(1, 'int64'),
      constant(0, 'int64'),
    )
    const count = compute([1], () => sum(one, axes), { name: 'count' })
    return [[count.at(0), x.dims.length]]
  },
  [0],
)

function largest(attrs: Parameters<typeof int>[0], x: Extents, count: PrimExpr): Extents[] {
  const given = int(attrs, 'axis')
  const axis = given < 0 ? given + x.length : given
  const shape = x.map((length, each) => (each === axis ? count : length))
  return text(attrs, 'ret_type') === 'both' ? [shape, shape] : [shape]
}
registerShape('topk', ({ attrs, shapes: [x = []] }) => {
  const k = int(attrs, 'k')
  const axis = int(attrs, 'axis')
  return largest(attrs, x, index(k < 1 ? (x.at(axis) ?? 1) : k))
})
registerShape(
  'dyn.topk',
  ({ attrs, shapes: [x = []], tensors: [, k] }) => {
    const count = k as Tensor
    return largest(attrs, x, cast(count.shape.length === 0 ? count.at() : count.at(0), 'int64'))
  },
  [1],
)

registerShape('vision.all_class_non_max_suppression', ({ shapes: [, scores = []] }) => [
  [scores.map(index).reduce((total, each) => mul(total, each)), 3],
  [1],
])
