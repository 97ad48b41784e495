import type { Target } from '../../ir/target.js'
import { Tensor } from '../../ir/te.js'
import type { Config } from '../../schedule-config/config.js'
import { ConfigEntity } from '../../schedule-config/config-entity.js'
import { other, split } from '../../schedule-config/knob.js'
import { type PlainArg, type TemplateArg, theTensor } from '../../schedule-config/workload.js'
import { windowCount } from './pad.js'
import { byteChannelBlock, channelBlock, registerTile } from './tiling.js'

/** A convolution as its templates see it, whether its tensors are in the plain or a blocked layout. */
export interface ConvolutionShape {
  readonly inputs: number
  readonly filters: number
  readonly groups: number
  readonly kernel: readonly [height: number, width: number]
  readonly height: number
  readonly width: number
  /** The output's width were there no dilation: what TVM takes for the knob of some templates. */
  readonly undilatedWidth: number
  readonly undilatedHeight: number
  readonly strides: readonly [height: number, width: number]
  readonly dilation: readonly [height: number, width: number]
  /** Channels per block of data and of the result, where the tensors are blocked already. */
  readonly blocks?: readonly [data: number, result: number]
}

/** The arguments that all templates of convolutions begin with: data, weights, strides, padding, dilation. */
export function convolutionShape(
  args: readonly (PlainArg | TemplateArg)[],
  groups?: number,
): ConvolutionShape {
  const data = shapeOf(args[0])
  const weight = shapeOf(args[1])
  const [strides, padding, dilation] = args.slice(2, 5) as [number[], number[], number[]]
  const blocked = data.length !== weight.length
  const size = data.slice(2, blocked ? -1 : undefined)
  const kernel = weight.slice(2, 2 + size.length)
  const rank = size.length
  const extents = (dilated: boolean) =>
    size.map((length, i) =>
      windowCount(length, kernel[i] as number, {
        stride: strides[i] ?? 1,
        dilation: dilated ? (dilation[i] ?? 1) : 1,
        border: (padding[i] ?? 0) + (padding[padding.length > rank ? rank + i : i] ?? 0),
      }),
    )
  const [dataBlock, inputBlock, filterBlock] = blocked
    ? ([data.at(-1), weight.at(-2), weight.at(-1)] as [number, number, number])
    : [1, 1, 1]
  const inputs = (data[1] as number) * dataBlock
  // Planes count as rows, of the window too.
  const rowsAndColumns = (all: readonly number[]): [number, number] => [
    all.slice(0, -1).reduce((product, extent) => product * extent, 1),
    all.at(-1) as number,
  ]
  const [height, width] = rowsAndColumns(extents(true))
  const [undilatedHeight, undilatedWidth] = rowsAndColumns(extents(false))
  return {
    inputs,
    filters: (weight[0] as number) * filterBlock,
    groups: groups ?? inputs / ((weight[1] as number) * (blocked ? inputBlock : 1)),
    kernel: rowsAndColumns(kernel),
    height,
    width,
    undilatedHeight,
    undilatedWidth,
    strides: [strides.at(-2) ?? 1, strides.at(-1) ?? 1],
    dilation: [dilation.at(-2) ?? 1, dilation.at(-1) ?? 1],
    ...(blocked ? { blocks: [dataBlock, filterBlock] as const } : {}),
  }
}

function shapeOf(arg: PlainArg | TemplateArg | undefined): readonly number[] {
  return arg instanceof Tensor ? arg.shape : theTensor(arg as PlainArg).shape
}

export interface BlockKnobs {
  /** Axis of `tile_ow`. */
  readonly width: number
  /** `verbose` also offers powers of two that leave a narrower last tile. */
  readonly policy: 'factors' | 'verbose'
  readonly outputChannels: number
  readonly inputChannels: number
  /** Whether a 1x1 kernel has `tile_oh` in place of `unroll_kw`; the height for it. */
  readonly pointwise?: number
  /** The widest tile; default 64. */
  readonly widest?: number
}

const WIDEST_TILE = 64
/** So few channels, of an image, are read where they are: in blocks of one. */
const FEW_CHANNELS = 4
/** The longest window, to each side, that is unrolled. */
export const MOST_UNROLLED = 7

/** The knobs that TVM's blocked convolutions have in common, in its order (v0.18, python/tvm/topi/x86). */
export function defineBlockKnobs(config: Config, knobs: BlockKnobs): void {
  config.defineSplit('tile_ic', knobs.inputChannels)
  config.defineSplit('tile_oc', knobs.outputChannels)
  config.defineSplit('tile_ow', knobs.width, {
    policy: knobs.policy,
    filter: ({ factors }) => (factors.at(-1) as number) <= (knobs.widest ?? WIDEST_TILE),
  })
  if (knobs.pointwise === undefined) config.defineKnob('unroll_kw', [true, false])
  else config.defineKnob('tile_oh', knobs.pointwise > 1 ? [1, 2] : [1])
}

/** Blocks and register tile by reasoning; of bytes in the blocks that their neighbours have. */
export function defaultBlocks(
  shape: ConvolutionShape,
  target: Target,
  { depthwise = false, pointwise = false, bytes = false } = {},
): ConfigEntity {
  const { inputs, filters, groups, kernel, width, strides, dilation, blocks } = shape
  const blockOf = (channels: number) =>
    (bytes && byteChannelBlock(channels, target)) || channelBlock(channels, target)
  const [dataBlock, block] = blocks ?? [
    !depthwise && inputs <= FEW_CHANNELS ? 1 : blockOf(depthwise ? inputs : inputs / groups),
    blockOf(depthwise ? filters : filters / groups),
  ]
  const depth = (depthwise ? 1 : inputs / groups) * kernel[0] * kernel[1]
  const common = { width, block, depth, depthwise }
  const rolled = registerTile(common, target)
  const window = { columns: kernel[1], stride: strides[1], dilation: dilation[1] }
  const unrolled =
    !depthwise && kernel[1] > 1 && kernel[1] <= MOST_UNROLLED
      ? registerTile({ ...common, window }, target)
      : undefined
  const unroll = unrolled !== undefined && unrolled.cost <= rolled.cost
  return ConfigEntity.of({
    tile_ic: split(-1, dataBlock),
    tile_oc: split(-1, block),
    tile_ow: split(-1, (unroll ? unrolled : rolled).columns),
    ...(pointwise && kernel[0] * kernel[1] === 1
      ? { tile_oh: other(1) }
      : { unroll_kw: other(depthwise || unroll) }),
  })
}
