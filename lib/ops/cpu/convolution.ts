import type { Target } from '../../ir/target.js'
import { compute, createSchedule, reduceAxis, type Schedule, sum, type Tensor } from '../../ir/te.js'
import { add, cast, floordiv, type IterVar, mul, type PrimExpr } from '../../ir/tir.js'
import type { TvmObject } from '../../runtime/index.js'
import { ints, outDtype, padding2d } from '../attrs.js'
import { registerStrategy } from '../strategy.js'
import {
  conv2dNCHWc,
  convExtent,
  depthwiseConv2dNCHWc,
  padSpatial,
  scheduleBlockedConvolution,
} from './conv2d-nchwc.js'
import { dense, densePacked, scheduleDensePacked } from './dense.js'
import { inlineInjective, parallelOuter, scheduleElementwise } from './schedule-util.js'

/** Convolution in the plain layouts NCHW and OIHW, any groups: for networks whose layouts are left alone. */
export function conv2dNCHW(attrs: TvmObject, [data, weight]: readonly Tensor[]): Tensor[] {
  if (!data || !weight) return []
  const [sh = 1, sw = 1] = ints(attrs, 'strides')
  const [dh = 1, dw = 1] = ints(attrs, 'dilation')
  const pad = padding2d(attrs)
  const groups = Number(attrs.get('groups'))
  const [n, , h, w] = data.shape as [number, number, number, number]
  const [filters, perGroup, r, s] = weight.shape as [number, number, number, number]
  const dtype = outDtype(attrs, data.dtype)
  const padded = padSpatial(data, pad, 2)
  const [c, y, x] = [reduceAxis(perGroup, 'ic'), reduceAxis(r, 'kh'), reduceAxis(s, 'kw')]
  const shape = [
    n,
    filters,
    convExtent(h, r, sh, pad[0] + pad[2], dh),
    convExtent(w, s, sw, pad[1] + pad[3], dw),
  ]
  const element = (b: PrimExpr, k: PrimExpr, oy: PrimExpr, ox: PrimExpr) => {
    const channel = groups === 1 ? c.var : add(mul(floordiv(k, filters / groups), perGroup), c.var)
    const value = padded.at(b, channel, add(mul(oy, sh), mul(y.var, dh)), add(mul(ox, sw), mul(x.var, dw)))
    return sum(mul(cast(value, dtype), cast(weight.at(k, c.var, y.var, x.var), dtype)), [c, y, x])
  }
  return [compute(shape, element as never, { name: 'conv2d_nchw', tag: 'conv2d_nchw' })]
}

/** Reductions whose last axis is summed in vectors of neighbouring results. */
export function schedulePlain(outputs: readonly Tensor[], target: Target): Schedule {
  const schedule = createSchedule(outputs)
  const rest = inlineInjective(schedule, outputs)
  for (const op of rest) {
    if (!op.isCompute) continue
    if (op.reduceAxis.length === 0) {
      scheduleElementwise(schedule, op, target)
      continue
    }
    const stage = schedule.stage(op)
    const axes = op.axis
    const last = axes.at(-1) as IterVar
    const outer = axes.slice(0, -1)
    const work =
      axes.reduce((total, axis) => total * axis.extent, 1) *
      op.reduceAxis.reduce((t, axis) => t * axis.extent, 1)
    if (outer.length === 0) continue
    stage.reorder(...outer, ...op.reduceAxis, last)
    parallelOuter(stage, outer.slice(0, 3), work, target)
    if (target.vectorises && last.extent > 1 && last.extent <= 64) stage.vectorize(last)
  }
  return schedule
}

const blocked = {
  schedule: (_attrs: TvmObject, outs: Tensor[], target: Target) => scheduleBlockedConvolution(outs, target),
}
const plain = { schedule: (_attrs: TvmObject, outs: Tensor[], target: Target) => schedulePlain(outs, target) }

registerStrategy('nn.contrib_conv2d_NCHWc', () => [
  { name: 'conv2d_NCHWc.x86', compute: conv2dNCHWc, ...blocked },
])
registerStrategy('nn.contrib_depthwise_conv2d_NCHWc', () => [
  { name: 'depthwise_conv2d_NCHWc.x86', compute: depthwiseConv2dNCHWc, ...blocked },
])
registerStrategy('nn.conv2d', () => [{ name: 'conv2d_nchw.generic', compute: conv2dNCHW, ...plain }])
registerStrategy('nn.dense', () => [{ name: 'dense.generic', compute: dense, ...plain }])
registerStrategy('nn.contrib_dense_pack', () => [
  {
    name: 'dense_pack.x86',
    compute: densePacked,
    schedule: (_attrs, outs, target) => scheduleDensePacked(outs, target),
  },
])
