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
import { add, cast, floordiv, floormod, type IterVar, mul, type PrimExpr, sub } from '../../ir/tir.js'
import type { TvmObject } from '../../runtime/index.js'
import { border, int, ints, outDtype, text } from '../attrs.js'
import { axisOrder, inverse } from '../axis-order.js'
import { type Implementation, registerStrategy } from '../strategy.js'
import { blockedConvolutions } from './conv2d-strategy.js'
import { blockedVolumes } from './conv3d-ncdhwc.js'
import { pad, windowCount } from './pad.js'
import { reordered } from './reordered.js'
import {
  elements,
  inlineInjective,
  isParallelWork,
  largestDivisor,
  parallelOuter,
  scheduleElementwise,
  vectorWidth,
} from './schedule-util.js'

/** Where data and weight have the axes that computes here are written in. */
interface Orders {
  /** Of [N, C, ...]; results too. */
  readonly data: readonly number[]
  /** Of [K, C, ...], transposed convolutions [C, K, ...]. */
  readonly kernel: readonly number[]
}

/** A result whose elements are told by their places on the axes [N, K, ...]. */
function result(
  shape: readonly number[],
  { data: order }: Orders,
  name: string,
  element: (batch: PrimExpr, filter: PrimExpr, ...at: PrimExpr[]) => PrimExpr,
): Tensor {
  const places = inverse(order)
  return compute(
    places.map((axis) => shape[axis] as number),
    (...indices) =>
      (element as (...at: PrimExpr[]) => PrimExpr)(...order.map((axis) => indices[axis] as PrimExpr)),
    { name, tag: name },
  )
}

/**
 * Convolution of any spatial rank and any order of axes: data [N, C, ...], weight [K, C/groups, ...], result [N, K, ...].
 * For what the blocked kernels do not cover and for networks whose layouts are left alone or asked for.
 */
function convolution(attrs: TvmObject, [data, weight]: readonly Tensor[], orders: Orders): Tensor[] {
  if (!data || !weight) return []
  const kernels = reordered(weight, orders.kernel)
  const [filters, perGroup, ...kernel] = kernels.shape as [number, number, ...number[]]
  const rank = kernel.length
  const strides = ints(attrs, 'strides')
  const dilation = ints(attrs, 'dilation')
  const { before, after } = border(attrs, rank)
  const filtersPerGroup = filters / int(attrs, 'groups')
  const dtype = outDtype(attrs, data.dtype)
  const padded = reordered(pad(data, { before, after, axes: orders.data.slice(2) }), orders.data)
  const channel = reduceAxis(perGroup, 'ic')
  const window = kernel.map((length, i) => reduceAxis(length, `k${i}`))
  const shape = kernel.map((length, i) =>
    windowCount(padded.shape[2 + i] as number, length, {
      stride: strides[i] ?? 1,
      dilation: dilation[i] ?? 1,
    }),
  )
  const element = (batch: PrimExpr, filter: PrimExpr, ...at: PrimExpr[]) => {
    const first = mul(floordiv(filter, filtersPerGroup), perGroup)
    const where = at.map((o, i) => {
      const offset = mul((window[i] as (typeof window)[0]).var, dilation[i] ?? 1)
      return add(mul(o, strides[i] ?? 1), offset)
    })
    const value = padded.at(batch, add(first, channel.var), ...where)
    const weigh = kernels.at(filter, channel.var, ...window.map((k) => k.var))
    return sum(mul(cast(value, dtype), cast(weigh, dtype)), [channel, ...window])
  }
  return [result([padded.shape[0] as number, filters, ...shape], orders, `conv${rank}d`, element)]
}

/**
 * Transposed convolution of any spatial rank: data [N, C, ...], weight [C, K/groups, ...]. A convolution of step 1 with
 * the mirrored kernel over the data with zeros between its elements.
 */
function transposedConvolution(
  attrs: TvmObject,
  [data, weight]: readonly Tensor[],
  orders: Orders,
): Tensor[] {
  if (!data || !weight) return []
  const kernels = reordered(weight, orders.kernel)
  const [channels, perGroup, ...kernel] = kernels.shape as [number, number, ...number[]]
  const rank = kernel.length
  const groups = int(attrs, 'groups')
  const { before, after } = border(attrs, rank)
  const extra = ints(attrs, 'output_padding')
  const dtype = outDtype(attrs, data.dtype)
  const zeros = pad(data, {
    axes: orders.data.slice(2),
    before: kernel.map((length, i) => length - 1 - (before[i] as number)),
    after: kernel.map((length, i) => length - 1 - (after[i] as number) + (extra[i] ?? 0)),
    apart: ints(attrs, 'strides'),
  })
  const spread = reordered(zeros, orders.data)
  const channel = reduceAxis(channels / groups, 'ic')
  const window = kernel.map((length, i) => reduceAxis(length, `k${i}`))
  const shape = kernel.map((length, i) => windowCount(spread.shape[2 + i] as number, length, {}))
  const element = (batch: PrimExpr, filter: PrimExpr, ...at: PrimExpr[]) => {
    const from = add(mul(floordiv(filter, perGroup), channels / groups), channel.var)
    const value = spread.at(batch, from, ...at.map((o, i) => add(o, (window[i] as (typeof window)[0]).var)))
    const mirrored = window.map((k, i) => sub((kernel[i] as number) - 1, k.var))
    const weigh = kernels.at(from, floormod(filter, perGroup), ...mirrored)
    return sum(mul(cast(value, dtype), cast(weigh, dtype)), [channel, ...window])
  }
  const extents = [spread.shape[0] as number, perGroup * groups, ...shape]
  return [result(extents, orders, `conv${rank}d_transpose`, element)]
}

/** Each stage that sums gets its own nest: vectors of neighbouring results within, the outer axes in parallel. */
export function schedulePlain(outputs: readonly Tensor[], target: Target): Schedule {
  const schedule = createSchedule(outputs)
  for (const op of inlineInjective(schedule, outputs)) {
    if (!op.isCompute) continue
    if (op.reduceAxis.length === 0) {
      scheduleElementwise(schedule, op, target)
      continue
    }
    const stage = schedule.stage(op)
    const outer = op.axis.slice(0, -1)
    const last = op.axis.at(-1)
    if (!last || outer.length === 0) continue
    const work = [...op.axis, ...op.reduceAxis].reduce((total, axis) => total * axis.extent, 1)
    const width = vectorWidth(last.extent, target.simdLanes32)
    const [lastOuter, lane] = stage.split(last, width)
    stage.reorder(...outer, lastOuter, ...op.reduceAxis, lane)
    parallelOuter(stage, outer.slice(0, 3), work, target)
    if (target.vectorises && width > 1) stage.vectorize(lane)
  }
  return schedule
}

/** Most rows of vectors that are summed in registers beside the weights' vector. */
const COLUMNS = 8

/**
 * For results with channels last: the sums of a tile of columns and neighbouring channels stay in registers, where one vector of weights
 * serves all columns; what follows is done to the tile before it is written.
 */
function scheduleChannelsLast(outputs: readonly Tensor[], target: Target): Schedule {
  const schedule = createSchedule(outputs)
  const rest = inlineInjective(schedule, outputs)
  const sum = rest.find((op) => op.isCompute && op.reduceAxis.length > 0)
  const [output] = rest
  const extents = (op: Operation) => op.axis.map(({ extent }) => extent).join()
  if (!sum || !output) return schedule
  for (const op of rest)
    if (op.isCompute && !op.sameAs(sum) && !op.sameAs(output)) scheduleElementwise(schedule, op, target)
  // Where the result changes its shape at once, the sums keep a nest of their own.
  const fits = extents(output) === extents(sum)
  const sums = schedule.cacheWrite(sum.output())
  const stage = schedule.stage(fits ? output : sum.output())
  if (!fits) scheduleElementwise(schedule, output, target)
  else if (!output.sameAs(sum)) schedule.stage(sum.output()).computeInline()
  const axes = stage.op.axis
  const [column, channel] = axes.slice(-2) as [IterVar, IterVar]
  const outer = axes.slice(0, -2)
  const lanes = vectorWidth(channel.extent, target.simdLanes32)
  const [columns, columnInner] = stage.split(column, largestDivisor(column.extent, COLUMNS))
  const [channels, lane] = stage.split(channel, lanes)
  stage.reorder(...outer, columns, channels, columnInner, lane)
  if (lanes > 1) stage.vectorize(lane)
  const local = schedule.stage(sums)
  local.computeAt(stage, channels)
  const own = local.op.axis
  local.reorder(...own.slice(0, -2), ...local.op.reduceAxis, ...own.slice(-2))
  local.unroll(own.at(-2) as IterVar)
  if (lanes > 1) local.vectorize(own.at(-1) as IterVar)
  const work = elements([...axes, ...local.op.reduceAxis])
  const fused = stage.fuse(...outer, columns)
  if (isParallelWork(work)) stage.parallel(fused)
  return schedule
}

type OrderedCompute = (attrs: TvmObject, inputs: readonly Tensor[], orders: Orders) => Tensor[]

/** The implementation for the layouts at hand, if they have the axes asked for in whatever order. */
function inLayouts(
  attrs: TvmObject,
  name: string,
  axes: { readonly data: string; readonly kernel: string },
  compute: OrderedCompute,
): Implementation[] {
  const layout = text(attrs, 'data_layout')
  const data = axisOrder(layout, axes.data)
  const kernel = axisOrder(text(attrs, 'kernel_layout'), axes.kernel)
  const outLayout = text(attrs, 'out_layout') || layout
  if (!data || !kernel || outLayout !== layout) return []
  return [
    {
      name: `${name}_${layout.toLowerCase()}.generic`,
      tunable: true,
      compute: (own, inputs) => compute(own, inputs, { data, kernel }),
      schedule: (_attrs, outs, target) =>
        layout.endsWith('C') && target.vectorises
          ? scheduleChannelsLast(outs, target)
          : schedulePlain(outs, target),
    },
  ]
}
for (const [rank, axes] of ['W', 'HW', 'DHW'].entries()) {
  const name = `conv${rank + 1}d`
  registerStrategy(`nn.${name}`, ({ attrs, inputs, target }) => [
    ...(rank === 1 ? blockedConvolutions(attrs, inputs, target) : []),
    ...(rank === 2 ? blockedVolumes(attrs, inputs, target) : []),
    ...inLayouts(attrs, name, { data: `NC${axes}`, kernel: `OI${axes}` }, convolution),
  ])
  registerStrategy(`nn.${name}_transpose`, ({ attrs }) =>
    inLayouts(attrs, `${name}_transpose`, { data: `NC${axes}`, kernel: `IO${axes}` }, transposedConvolution),
  )
}
