import { add, type ExprLike, floordiv, mul, type PrimExpr, sub } from '../../ir/tir.js'
import { border, int, ints } from '../attrs.js'
import type { Attrs } from '../strategy.js'
import { broadcast } from './elementwise.js'
import { type Extents, index, registerShape, type ShapeContext } from './shape-function.js'

/** How many places a window has along an axis. */
export function windows(
  length: ExprLike,
  kernel: ExprLike,
  { stride = 1, dilation = 1, padding = 0, ceil = false },
): PrimExpr {
  const reach = add(mul(sub(index(kernel), 1), dilation), 1)
  const room = add(sub(add(index(length), padding), reach), ceil ? stride - 1 : 0)
  return add(floordiv(room, stride), 1)
}

/** How far a transposed convolution reaches along spatial axis `i`. */
export function reached(length: ExprLike, kernel: ExprLike, attrs: Attrs, i: number): PrimExpr {
  const [strides, extra] = [ints(attrs, 'strides'), ints(attrs, 'output_padding')]
  const { before, after } = border(attrs, strides.length)
  const padding = (extra[i] ?? 0) - (before[i] ?? 0) - (after[i] ?? 0)
  return add(add(mul(sub(index(length), 1), strides[i] ?? 1), index(kernel)), padding)
}

registerShape('nn.dense', ({ shapes: [x = [], weight = []] }) => [[...x.slice(0, -1), weight[0] ?? 1]])
registerShape('nn.contrib_dense_pack', ({ shapes: [x = [], weight = []] }) => [
  [...x.slice(0, -1), mul(index(weight[0] ?? 1), index(weight[2] ?? 1))],
])
function matrixProduct({ attrs, shapes: [a = [], b = []] }: ShapeContext): readonly Extents[] {
  const [rows, columns] = [attrs.get('transpose_a') ? -1 : -2, attrs.get('transpose_b') ? -2 : -1]
  const batch = broadcast(a.slice(0, -2), b.slice(0, -2))
  return [[...batch, a.at(rows) ?? 1, b.at(columns) ?? 1]]
}
registerShape('nn.batch_matmul', matrixProduct)
registerShape('nn.matmul', matrixProduct)

for (const rank of [1, 2, 3]) {
  registerShape(`nn.conv${rank}d`, ({ attrs, shapes: [x = [], weight = []] }) => {
    const { before, after } = border(attrs, rank)
    const isLast = String(attrs.get('kernel_layout')).endsWith('IO')
    const kernel = isLast ? weight.slice(0, -2) : weight.slice(2)
    const spatial = x.slice(2).map((length, i) =>
      windows(length, kernel[i] ?? 1, {
        stride: ints(attrs, 'strides')[i] ?? 1,
        dilation: ints(attrs, 'dilation')[i] ?? 1,
        padding: (before[i] ?? 0) + (after[i] ?? 0),
      }),
    )
    return [[x[0] ?? 1, (isLast ? weight.at(-1) : weight[0]) ?? 1, ...spatial]]
  })
  registerShape(`nn.conv${rank}d_transpose`, ({ attrs, shapes: [x = [], weight = []] }) => {
    const spatial = x.slice(2).map((length, i) => reached(length, weight[2 + i] ?? 1, attrs, i))
    return [[x[0] ?? 1, mul(index(weight[1] ?? 1), int(attrs, 'groups')), ...spatial]]
  })
  for (const kind of ['max', 'avg']) {
    registerShape(`nn.${kind}_pool${rank}d`, ({ attrs, shapes: [x = []] }) => {
      const { before, after } = border(attrs, rank)
      const kernel = ints(attrs, 'pool_size')
      const spatial = x.slice(2).map((length, i) =>
        windows(length, kernel[i] ?? 1, {
          stride: ints(attrs, 'strides')[i] ?? 1,
          dilation: ints(attrs, 'dilation')[i] ?? 1,
          padding: (before[i] ?? 0) + (after[i] ?? 0),
          ceil: Boolean(attrs.get('ceil_mode')),
        }),
      )
      return [[...x.slice(0, 2), ...spatial]]
    })
    registerShape(`nn.adaptive_${kind}_pool${rank}d`, ({ attrs, shapes: [x = []] }) => {
      const wanted = ints(attrs, 'output_size')
      return [[...x.slice(0, 2), ...x.slice(2).map((length, i) => wanted[i] ?? wanted[0] ?? length)]]
    })
  }
}
for (const kind of ['max', 'avg'])
  registerShape(`nn.global_${kind}_pool2d`, ({ shapes: [x = []] }) => [[...x.slice(0, 2), 1, 1]])

const reductions = 'all any argmax argmin max mean min prod sum variance'
for (const op of reductions.split(' ')) {
  registerShape(op, ({ attrs, shapes: [x = []] }) => {
    const given = ints(attrs, 'axis').map((axis) => (axis < 0 ? axis + x.length : axis))
    const named = given.length === 0 ? x.map((_, axis) => axis) : given
    const gone = (axis: number) => named.includes(axis) !== Boolean(attrs.get('exclude'))
    return [x.flatMap((length, axis) => (gone(axis) ? (attrs.get('keepdims') ? [1] : []) : [length]))]
  })
}
registerShape('ndarray_size', () => [[]])
registerShape('shape_of', ({ shapes: [x = []] }) => [[x.length]])
