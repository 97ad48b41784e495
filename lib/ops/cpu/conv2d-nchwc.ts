import type { Target } from '../../ir/target.js'
import {
  compute,
  createSchedule,
  type Operation,
  reduceAxis,
  type Schedule,
  sum,
  type Tensor,
} from '../../ir/te.js'
import { add, cast, floordiv, type IterVar, mul, type PrimExpr } from '../../ir/tir.js'
import type { TvmObject } from '../../runtime/index.js'
import { border, ints, outDtype } from '../attrs.js'
import { PAD, pad, windowCount } from './pad.js'
import { inlineInjective, isParallelWork, parallelOuter, scheduleElementwise } from './schedule-util.js'
import { registerTile } from './tiling.js'

/**
 * Convolution in blocked layout: data [N, C/ib, H, W, ib], weight [K/ob, C/g/ib, R, S, ib, ob], result [N, K/ob, P, Q, ob]
 * (layouts as in TVM v0.18, python/tvm/topi/nn/conv2d.py, conv2d_NCHWc).
 */
export function conv2dNCHWc(attrs: TvmObject, [data, weight]: readonly Tensor[]): Tensor[] {
  if (!data || !weight) return []
  const [sh = 1, sw = 1] = ints(attrs, 'strides')
  const [dh = 1, dw = 1] = ints(attrs, 'dilation')
  const { before, after } = border(attrs, 2)
  const groups = Number(attrs.get('groups'))
  const n = data.shape[0] as number
  const [kc, icg, r, s, ib, ob] = weight.shape as [number, number, number, number, number, number]
  const dtype = outDtype(attrs, data.dtype)
  const padded = pad(data, { before, after })
  const p = windowCount(padded.shape[2] as number, r, { stride: sh, dilation: dh })
  const q = windowCount(padded.shape[3] as number, s, { stride: sw, dilation: dw })
  const chunk = reduceAxis(icg, 'ic_chunk')
  const block = reduceAxis(ib, 'ic_block')
  const y = reduceAxis(r, 'kh')
  const x = reduceAxis(s, 'kw')
  const perGroup = kc / groups
  const output = compute(
    [n, kc, p, q, ob],
    (...i) => {
      const [b, oc, oy, ox, oi] = i as [PrimExpr, PrimExpr, PrimExpr, PrimExpr, PrimExpr]
      const first = groups === 1 ? chunk.var : add(mul(floordiv(oc, perGroup), icg), chunk.var)
      const value = padded.at(
        b,
        first,
        add(mul(oy, sh), mul(y.var, dh)),
        add(mul(ox, sw), mul(x.var, dw)),
        block.var,
      )
      const weigh = weight.at(oc, chunk.var, y.var, x.var, block.var, oi)
      return sum(mul(cast(value, dtype), cast(weigh, dtype)), [chunk, y, x, block])
    },
    { name: 'conv2d_NCHWc', tag: 'conv2d_NCHWc' },
  )
  return [output]
}

/** Depthwise convolution in blocked layout: weight [C/b, 1, R, S, 1, b]. */
export function depthwiseConv2dNCHWc(attrs: TvmObject, [data, weight]: readonly Tensor[]): Tensor[] {
  if (!data || !weight) return []
  const [sh = 1, sw = 1] = ints(attrs, 'strides')
  const [dh = 1, dw = 1] = ints(attrs, 'dilation')
  const { before, after } = border(attrs, 2)
  const n = data.shape[0] as number
  const [kc, , r, s, , ob] = weight.shape as [number, number, number, number, number, number]
  const dtype = outDtype(attrs, data.dtype)
  const padded = pad(data, { before, after, partition: true })
  const p = windowCount(padded.shape[2] as number, r, { stride: sh, dilation: dh })
  const q = windowCount(padded.shape[3] as number, s, { stride: sw, dilation: dw })
  const y = reduceAxis(r, 'kh')
  const x = reduceAxis(s, 'kw')
  const output = compute(
    [n, kc, p, q, ob],
    (...i) => {
      const [b, c, oy, ox, oi] = i as [PrimExpr, PrimExpr, PrimExpr, PrimExpr, PrimExpr]
      const value = padded.at(b, c, add(mul(oy, sh), mul(y.var, dh)), add(mul(ox, sw), mul(x.var, dw)), oi)
      return sum(mul(cast(value, dtype), cast(weight.at(c, 0, y.var, x.var, 0, oi), dtype)), [y, x])
    },
    { name: 'depthwise_conv2d_NCHWc', tag: 'depthwise_conv2d_NCHWc' },
  )
  return [output]
}

/**
 * Schedules either: a register tile of columns by channels is accumulated over the whole reduction, then what follows the
 * convolution is applied to it while it is still in the first-level cache.
 */
export function scheduleBlockedConvolution(outputs: readonly Tensor[], target: Target): Schedule {
  const schedule = createSchedule(outputs)
  // A depthwise convolution reads each input a few times only: borders are cheaper than a padded copy. Loop partitioning
  // keeps their conditions out of the inner tiles.
  const depthwise = outputs.some(({ op }) => dependsOn(op, 'depthwise_conv2d_NCHWc'))
  const rest = inlineInjective(schedule, outputs, (op) => op.tag === PAD && !depthwise)
  const convolution = rest.find((op) => op.tag.endsWith('conv2d_NCHWc'))
  const output = rest[0]
  if (!convolution || !output) return schedule
  if (!depthwise)
    for (const { op } of convolution.inputs) if (op.tag === PAD) schedulePad(schedule, op, target)
  const [, , , width, block] = convolution.output().shape as [number, number, number, number, number]
  const tile = registerTile(width, block, target, depthwise)
  const accumulator = schedule.cacheWrite(convolution.output())
  const isLast = output.sameAs(convolution)
  const sameShape = output.axis.length === 5
  // Where the result changes its shape at once (a flatten, say), the convolution keeps a nest of its own.
  const stage = schedule.stage(isLast || !sameShape ? convolution : output)
  if (!isLast && sameShape) schedule.stage(convolution).computeInline()
  const [n, c, h, w, ci] = stage.op.axis as [IterVar, IterVar, IterVar, IterVar, IterVar]
  const [wo, wi] = stage.split(w, tile.columns)
  const [co, cin] = stage.split(ci, tile.channels)
  stage.reorder(n, c, h, wo, co, wi, cin)
  const outer = stage.fuse(n, c, h)
  if (target.vectorises) {
    stage.vectorize(cin)
    if (isParallelWork([...convolution.axis, ...convolution.reduceAxis])) stage.parallel(outer)
  }
  scheduleAccumulator(schedule, accumulator, target)
  schedule.stage(accumulator).computeAt(stage, co)
  if (!isLast && !sameShape) scheduleElementwise(schedule, output, target)
  return schedule
}

function dependsOn(op: Operation, tag: string): boolean {
  return op.isCompute && (op.tag === tag || op.inputs.some((input) => dependsOn(input.op, tag)))
}

function scheduleAccumulator(schedule: Schedule, accumulator: Tensor, target: Target): void {
  const stage = schedule.stage(accumulator)
  const { axis, reduceAxis: reduction } = stage.op
  const [n, c, h, w, ci] = axis as [IterVar, IterVar, IterVar, IterVar, IterVar]
  stage.reorder(n, c, h, ...reduction, w, ci)
  if (!target.vectorises) return
  stage.unroll(w)
  stage.vectorize(ci)
  if (stage.op.name.startsWith('depthwise'))
    for (const loop of reduction) if (loop.extent <= 7) stage.unroll(loop)
}

function schedulePad(schedule: Schedule, op: Operation, target: Target): void {
  const stage = schedule.stage(op)
  const axes = op.axis
  const work = axes.reduce((total, axis) => total * axis.extent, 1)
  parallelOuter(stage, axes.slice(0, 3), work, target)
  const inner = axes[axes.length - 1]
  if (target.vectorises && inner && inner.extent > 1 && inner.extent <= 64) stage.vectorize(inner)
}
