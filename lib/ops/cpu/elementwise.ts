import type { Tensor } from '../../ir/te.js'
import { compute } from '../../ir/te.js'
import { constant, max, min } from '../../ir/tir.js'
import { getGlobalFunc, type TvmArray } from '../../runtime/index.js'
import { ints } from '../attrs.js'
import { type Attrs, OpPattern, registerCompute, registerPattern, registerSchedule } from '../strategy.js'
import { scheduleInjective, scheduleReduction } from './schedule-util.js'

/** Operators whose compute the library has and whose result is element by element. */
const injective = `abs acos acosh add adv_index arange asin asinh atan atanh bitwise_and bitwise_not bitwise_or bitwise_xor
 broadcast_to broadcast_to_like cast cast_like ceil collapse_sum_like copy cos cosh divide equal erf exp expand_dims fast_erf
 fast_exp fast_tanh floor floor_divide floor_mod full full_like gather gather_nd greater greater_equal isfinite isinf isnan
 layout_transform left_shift less less_equal log log10 log2 logical_and logical_not logical_or logical_xor matrix_set_diag
 maximum meshgrid minimum mod multiply ndarray_size negative nn.batch_flatten nn.batch_to_space_nd nn.bias_add nn.leaky_relu
 nn.pad nn.prelu nn.relu nn.space_to_batch_nd not_equal one_hot power reinterpret repeat reshape reshape_like reverse
 reverse_sequence right_shift round rsqrt sequence_mask shape_of sigmoid sign sin sinh slice_like sparse_to_dense split sqrt
 squeeze stack strided_slice subtract take tan tanh tile transpose trunc trunc_divide trunc_mod unravel_index where
 contrib_reverse_reshape vision.yolo_reorg auto_scheduler_layout_transform meta_schedule_layout_transform
 clip concatenate ones ones_like zeros zeros_like`
const reductions = 'all any argmax argmin einsum max mean min prod sum variance collapse_sum_to'
/** Those whose attributes say what axes they reduce. */
const alongAxes = new Set(['all', 'any', 'max', 'mean', 'min', 'prod', 'sum', 'variance'])

/** Whether neighbours in memory are reduced. */
function reducesLast(attrs: Attrs, outputs: readonly Tensor[]): boolean {
  const axes = ints(attrs, 'axis')
  if (axes.length === 0) return true
  if (attrs.get('exclude')) return false
  let op = outputs[0]?.op
  while (op?.isCompute && op.reduceAxis.length === 0) op = op.inputs[0]?.op
  if (!op?.isCompute) return false
  const rank = op.axis.length + (attrs.get('keepdims') ? 0 : axes.length)
  return axes.some((axis) => axis === -1 || axis === rank - 1)
}

for (const op of injective.split(/\s+/))
  registerSchedule(op, (_attrs, outs, target) => scheduleInjective(outs, target))
for (const op of reductions.split(/\s+/))
  registerSchedule(op, (attrs, outs, target) =>
    scheduleReduction(outs, target, alongAxes.has(op) && reducesLast(attrs, outs)),
  )
for (const op of [
  'layout_transform',
  'auto_scheduler_layout_transform',
  'meta_schedule_layout_transform',
  'vision.yolo_reorg',
]) {
  registerPattern(op, OpPattern.INJECTIVE)
}
registerPattern('ones', OpPattern.ELEMWISE)
registerPattern('zeros', OpPattern.ELEMWISE)

registerCompute('clip', (attrs, [x]) => {
  const input = x as Tensor
  const [low, high] = [Number(attrs.get('a_min')), Number(attrs.get('a_max'))]
  const { dtype } = input
  const bounded = (...i: Parameters<Tensor['at']>) =>
    max(min(input.at(...i), constant(high, dtype)), constant(low, dtype))
  return [compute(input.dims, bounded, { name: 'clip', tag: 'elemwise' })]
})
registerCompute('concatenate', (attrs, inputs) => [
  getGlobalFunc('topi.concatenate')(inputs, attrs.get('axis')) as Tensor,
])
for (const [op, value] of [
  ['zeros', 0],
  ['ones', 1],
  ['zeros_like', 0],
  ['ones_like', 1],
] as const) {
  registerCompute(op, (_attrs, _inputs, outType) => {
    const dtype = outType.get('dtype') as string
    const shape = (outType.get('shape') as TvmArray).toArray()
    return [compute(shape as never, () => constant(value, dtype), { name: op, tag: 'elemwise' })]
  })
}
