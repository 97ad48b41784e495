import { type Call, call, constant, dtypeOf, type Expr, shapeOf, tuple } from '../../ir/relay.js'
import type { TvmArray, TvmObject } from '../../runtime/index.js'
import { border, int, ints, outDtype, text } from '../attrs.js'
import { registerOpAttr } from '../strategy.js'
import { legalizeConv1d } from './legalize.js'
import { fillChannels } from './legalize-int8.js'

/** How one spatial axis is computed: output `o` stands at place `o + padding` of all that the kernel reaches. */
interface AxisPlan {
  readonly stride: number
  /** Elements of the kernel that meet the same phase, a place modulo the stride. */
  readonly taps: number
  /** Zeros around the input. */
  readonly before: number
  readonly after: number
  /** Outputs, and how many of the interleaved phases are left out before the first. */
  readonly length: number
  readonly begin: number
}

function planAxis(input: number, kernel: number, stride: number, padding: number, length: number): AxisPlan {
  const taps = Math.ceil(kernel / stride)
  const first = Math.min(Math.floor(padding / stride), taps - 1)
  const last = Math.max(Math.floor((padding + length - 1) / stride), input - 1)
  const before = taps - 1 - first
  return { stride, taps, before, after: last - (input - 1), length, begin: padding - first * stride }
}

const product = (extents: readonly number[]) => extents.reduce((total, extent) => total * extent, 1)

/**
 * Weights [C, K/g, ...kernel] of a transposed convolution as those of a convolution with the filters of each phase,
 * [g * phases * K/g, C/g, ...taps].
 */
function phaseWeights(weight: Expr, groups: number, plan: readonly AxisPlan[]): Expr {
  const [channels, perGroup, ...kernel] = shapeOf(weight) as [number, number, ...number[]]
  const missing = plan.map(({ taps, stride }, i) => taps * stride - (kernel[i] as number))
  const filled = missing.every((extent) => extent === 0)
    ? weight
    : call('nn.pad', [weight, constant(0, dtypeOf(weight))], {
        pad_width: [0, 0, ...missing].map((extent) => [0, extent]),
        pad_mode: 'constant',
      })
  const apart = call('reshape', [filled], {
    newshape: [
      groups,
      channels / groups,
      perGroup,
      ...plan.flatMap(({ taps, stride }) => [taps, stride] as const),
    ],
  })
  const taps = plan.map((_, i) => 3 + 2 * i)
  const mirrored = taps.reduce<Expr>((x, axis) => call('reverse', [x], { axis }), apart)
  const turned = call('transpose', [mirrored], {
    axes: [0, ...taps.map((axis) => axis + 1), 2, 1, ...taps],
  })
  const phases = product(plan.map(({ stride }) => stride))
  return call('reshape', [turned], {
    newshape: [groups * phases * perGroup, channels / groups, ...plan.map((axis) => axis.taps)],
  })
}

/** A convolution of stride 1, in the form for which there are fast kernels. */
function convolve(data: Expr, weight: Expr, groups: number, plan: readonly AxisPlan[], dtype: string): Expr {
  const [filters, , ...kernel] = shapeOf(weight) as [number, number, ...number[]]
  const rank = plan.length
  const axes = 'DHW'.slice(3 - rank)
  const plain = call(`nn.conv${rank}d`, [data, weight], {
    padding: [...plan.map(({ before }) => before), ...plan.map(({ after }) => after)],
    groups,
    channels: filters,
    kernel_size: kernel,
    data_layout: `NC${axes}`,
    kernel_layout: `OI${axes}`,
    out_dtype: dtype,
  })
  if (rank === 1) return legalizeConv1d(plain.attrs, [data, weight]) ?? plain
  return (rank === 2 && fillChannels(plain.attrs, [data, weight])) || plain
}

/**
 * A transposed convolution is a convolution for each phase of the output, a place modulo the stride, that meets only every
 * `stride`-th element of the kernel: one convolution of stride 1 with the filters of all phases and no multiplication by the
 * zeros that stand between the inputs otherwise, whose results are then interleaved and cut to size.
 */
function legalizeTransposed(attrs: TvmObject, args: TvmArray<Expr>): Expr | null {
  const [data, weight] = args.toArray() as [Expr, Expr]
  const [batch, channels, ...size] = shapeOf(data) as [number, number, ...number[]]
  const [, perGroup, ...kernel] = shapeOf(weight) as [number, number, ...number[]]
  const rank = size.length
  const axes = 'DHW'.slice(3 - rank)
  if (text(attrs, 'data_layout') !== `NC${axes}` || text(attrs, 'kernel_layout') !== `IO${axes}`) return null
  if ([batch, channels, ...size, perGroup, ...kernel].some((extent) => extent <= 0)) return null
  if (ints(attrs, 'dilation').some((dilation) => dilation !== 1)) return null
  const [strides, extra, { before, after }] = [
    ints(attrs, 'strides'),
    ints(attrs, 'output_padding'),
    border(attrs, rank),
  ]
  const plan = size.map((length, i) => {
    const [stride, reach] = [strides[i] ?? 1, kernel[i] as number]
    const cut = (before[i] as number) + (after[i] as number)
    const result = (length - 1) * stride + reach - cut + (extra[i] ?? 0)
    return planAxis(length, reach, stride, before[i] as number, result)
  })
  if (plan.some(({ length }) => length <= 0)) return null
  const groups = int(attrs, 'groups')
  const dtype = outDtype(attrs, dtypeOf(data))
  const phases = product(plan.map(({ stride }) => stride))
  const filters = phaseWeights(weight, groups, plan)
  // Depthwise convolutions have fast kernels where there is one filter a channel: one for each phase, side by side.
  const depthwise = groups > 1 && groups === channels && perGroup === 1 && phases > 1
  const sums = depthwise
    ? phaseByPhase(data, filters, phases, plan, dtype)
    : convolve(data, filters, groups, plan, dtype)
  return interleave(sums, depthwise ? [1, groups] : [groups, perGroup], plan)
}

/** As the convolution of one group with all phases: [N, phases * C, ...]. */
function phaseByPhase(
  data: Expr,
  filters: Expr,
  phases: number,
  plan: readonly AxisPlan[],
  dtype: string,
): Expr {
  const [rows, , ...taps] = shapeOf(filters) as [number, number, ...number[]]
  const channels = rows / phases
  const apart = call('reshape', [filters], { newshape: [channels, phases, ...taps] })
  const parts = Array.from({ length: phases }, (_, phase) => {
    const own = call('strided_slice', [apart], {
      begin: [phase],
      end: [phase + 1],
      strides: [1],
      axes: [1],
      slice_mode: 'end',
    })
    return convolve(data, own, channels, plan, dtype)
  })
  return call('concatenate', [tuple(parts)], { axis: 1 })
}

/** Sums [N, groups * phases * K, ...places] as [N, groups * K, ...], phases next to each other, cut to the output's extents. */
function interleave(sums: Expr, [groups, perGroup]: [number, number], plan: readonly AxisPlan[]): Expr {
  const [batch, , ...places] = shapeOf(sums) as [number, number, ...number[]]
  const strides = plan.map(({ stride }) => stride)
  const rank = plan.length
  let result = sums
  if (product(strides) > 1) {
    const apart = call('reshape', [sums], { newshape: [batch, groups, ...strides, perGroup, ...places] })
    const phaseAxis = 2
    const placeAxis = phaseAxis + rank + 1
    const turned = call('transpose', [apart], {
      axes: [0, 1, phaseAxis + rank, ...plan.flatMap((_, i) => [placeAxis + i, phaseAxis + i])],
    })
    const extents = places.map((extent, i) => extent * (strides[i] as number))
    result = call('reshape', [turned], { newshape: [batch, groups * perGroup, ...extents] })
  }
  const whole = shapeOf(result).slice(2)
  if (plan.every(({ begin, length }, i) => begin === 0 && length === whole[i])) return result
  return call('strided_slice', [result], {
    begin: plan.map(({ begin }) => begin),
    end: plan.map(({ begin, length }) => begin + length),
    strides: plan.map(() => 1),
    axes: plan.map((_, i) => 2 + i),
    slice_mode: 'end',
  })
}

for (const rank of [1, 2, 3]) {
  const legalize = (attrs: TvmObject, args: TvmArray<Expr>) => legalizeTransposed(attrs, args) as Call | null
  registerOpAttr(`nn.conv${rank}d_transpose`, 'FTVMLegalize', legalize as never)
}
