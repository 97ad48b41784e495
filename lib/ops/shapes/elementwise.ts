import { type ExprLike, eq, ifThenElse } from '../../ir/tir.js'
import { ints } from '../attrs.js'
import { type Extents, extentsIn, index, registerShape } from './shape-function.js'

/** Operators whose result has the extents of their first input. */
const same = `abs acos acosh annotation.stop_fusion asin asinh atan atanh bitwise_not cast cast_like ceil clip copy cos cosh cumprod
 cumsum erf exp fast_erf fast_exp fast_tanh fixed_point_multiply floor full_like isfinite isinf isnan log log10 log2 logical_not
 negative nn.bias_add nn.fast_softmax nn.leaky_relu nn.log_softmax nn.lrn nn.prelu nn.relu nn.softmax
 ones_like reinterpret reverse reverse_sequence round rsqrt scatter_elements scatter_nd sigmoid sign sin sinh sort argsort sqrt tan
 tanh trilu trunc zeros_like matrix_set_diag sequence_mask`
for (const op of same.split(/\s+/)) registerShape(op, ({ shapes: [x] }) => [x ?? []])

/** Two extents side by side: the one that is not 1. */
function joined(a: ExprLike, b: ExprLike): ExprLike {
  const [left, right] = [index(a), index(b)]
  return ifThenElse(eq(left, 1), right, left)
}

/** NumPy's rule for operands of different extents. */
export function broadcast(...shapes: readonly Extents[]): Extents {
  const rank = Math.max(...shapes.map(({ length }) => length))
  return Array.from({ length: rank }, (_, axis) =>
    shapes
      .flatMap((shape) => shape[axis - rank + shape.length] ?? [])
      .reduce((known, extent) => joined(known, extent)),
  )
}

const binary = `add bitwise_and bitwise_or bitwise_xor divide equal floor_divide floor_mod greater greater_equal left_shift less
 less_equal logical_and logical_or logical_xor maximum minimum mod multiply not_equal power right_shift subtract trunc_divide
 trunc_mod where`
for (const op of binary.split(/\s+/)) registerShape(op, ({ shapes }) => [broadcast(...shapes)])

for (const op of ['full', 'zeros', 'ones', 'broadcast_to'])
  registerShape(op, ({ attrs }) => [ints(attrs, 'shape')])
registerShape('broadcast_to_like', ({ shapes: [, like] }) => [like ?? []])
registerShape('reshape_like', ({ shapes: [, like] }) => [like ?? []])

/** Operators that take the extents of their result as numbers that are only known while the network runs. */
for (const op of ['dyn.broadcast_to', 'dyn.full'])
  registerShape(op, ({ tensors: [, shape] }) => [shape ? extentsIn(shape) : []], [1])
for (const op of ['dyn.ones', 'dyn.zeros'])
  registerShape(op, ({ tensors: [shape] }) => [shape ? extentsIn(shape) : []], [0])
