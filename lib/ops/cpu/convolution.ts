import type { Target } from '../../ir/target.js'
import { compute, createSchedule, reduceAxis, type Schedule, sum, type Tensor } from '../../ir/te.js'
import { add, cast, floordiv, floormod, mul, type PrimExpr, sub } from '../../ir/tir.js'
import type { TvmObject } from '../../runtime/index.js'
import { border, int, ints, outDtype, text } from '../attrs.js'
import { type Implementation, registerStrategy } from '../strategy.js'
import { blockedConvolutions } from './conv2d-strategy.js'
import { blockedVolumes } from './conv3d-ncdhwc.js'
import { pad, windowCount } from './pad.js'
import { inlineInjective, parallelOuter, scheduleElementwise, vectorWidth } from './schedule-util.js'

/**
 * Convolution of any spatial rank in the plain layouts: data [N, C, ...], weight [K, C/groups, ...], result [N, K, ...].
 * For what the blocked kernels do not cover and for networks whose layouts are left alone.
 */
function convolution(attrs: TvmObject, [data, weight]: readonly Tensor[]): Tensor[] {
  if (!data || !weight) return []
  const [filters, perGroup, ...kernel] = weight.shape as [number, number, ...number[]]
  const rank = kernel.length
  const strides = ints(attrs, 'strides')
  const dilation = ints(attrs, 'dilation')
  const { before, after } = border(attrs, rank)
  const filtersPerGroup = filters / int(attrs, 'groups')
  const dtype = outDtype(attrs, data.dtype)
  const padded = pad(data, { before, after })
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
    const weigh = weight.at(filter, channel.var, ...window.map((k) => k.var))
    return sum(mul(cast(value, dtype), cast(weigh, dtype)), [channel, ...window])
  }
  const name = `conv${rank}d`
  return [compute([data.shape[0] as number, filters, ...shape], element as never, { name, tag: name })]
}

/**
 * Transposed convolution of any spatial rank: data [N, C, ...], weight [C, K/groups, ...]. A convolution of step 1 with
 * the mirrored kernel over the data with zeros between its elements.
 */
function transposedConvolution(attrs: TvmObject, [data, weight]: readonly Tensor[]): Tensor[] {
  if (!data || !weight) return []
  const [channels, perGroup, ...kernel] = weight.shape as [number, number, ...number[]]
  const rank = kernel.length
  const groups = int(attrs, 'groups')
  const { before, after } = border(attrs, rank)
  const extra = ints(attrs, 'output_padding')
  const dtype = outDtype(attrs, data.dtype)
  const spread = pad(data, {
    before: kernel.map((length, i) => length - 1 - (before[i] as number)),
    after: kernel.map((length, i) => length - 1 - (after[i] as number) + (extra[i] ?? 0)),
    apart: ints(attrs, 'strides'),
  })
  const channel = reduceAxis(channels / groups, 'ic')
  const window = kernel.map((length, i) => reduceAxis(length, `k${i}`))
  const shape = kernel.map((length, i) => windowCount(spread.shape[2 + i] as number, length, {}))
  const element = (batch: PrimExpr, filter: PrimExpr, ...at: PrimExpr[]) => {
    const from = add(mul(floordiv(filter, perGroup), channels / groups), channel.var)
    const value = spread.at(batch, from, ...at.map((o, i) => add(o, (window[i] as (typeof window)[0]).var)))
    const mirrored = window.map((k, i) => sub((kernel[i] as number) - 1, k.var))
    const weigh = weight.at(from, floormod(filter, perGroup), ...mirrored)
    return sum(mul(cast(value, dtype), cast(weigh, dtype)), [channel, ...window])
  }
  const name = `conv${rank}d_transpose`
  return [
    compute([data.shape[0] as number, perGroup * groups, ...shape], element as never, { name, tag: name }),
  ]
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

const plain = {
  tunable: true,
  schedule: (_attrs: TvmObject, outs: Tensor[], target: Target) => schedulePlain(outs, target),
}

function inLayouts(
  attrs: TvmObject,
  data: string,
  kernel: string,
  implementation: Implementation,
): Implementation[] {
  const fits = text(attrs, 'data_layout') === data && text(attrs, 'kernel_layout') === kernel
  return fits ? [implementation] : []
}
for (const [rank, axes] of ['W', 'HW', 'DHW'].entries()) {
  const name = `conv${rank + 1}d`
  registerStrategy(`nn.${name}`, ({ attrs, inputs, target }) => [
    ...(rank === 1 ? blockedConvolutions(attrs, inputs, target) : []),
    ...(rank === 2 ? blockedVolumes(attrs, inputs, target) : []),
    ...inLayouts(attrs, `NC${axes}`, `OI${axes}`, {
      name: `${name}_nc${axes.toLowerCase()}.generic`,
      compute: convolution,
      ...plain,
    }),
  ])
  registerStrategy(`nn.${name}_transpose`, ({ attrs }) =>
    inLayouts(attrs, `NC${axes}`, `IO${axes}`, {
      name: `${name}_transpose_nc${axes.toLowerCase()}.generic`,
      compute: transposedConvolution,
      ...plain,
    }),
  )
}
