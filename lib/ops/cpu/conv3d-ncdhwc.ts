import type { Target } from '../../ir/target.js'
import type { Tensor } from '../../ir/te.js'
import type { TvmObject } from '../../runtime/index.js'
import type { ConfigEntity } from '../../schedule-config/config-entity.js'
import { registerTemplate } from '../../schedule-config/template.js'
import {
  type PlainArg,
  type TemplateArg,
  tensorPlainArg,
  theTensor,
  type Workload,
} from '../../schedule-config/workload.js'
import { border, int, ints, outDtype, text } from '../attrs.js'
import type { Implementation } from '../strategy.js'
import { templated } from '../templated.js'
import { blockedConvolution, blockedDepthwise, blockedOperands } from './blocked-convolution.js'
import { scheduleBlockedConvolution } from './conv2d-schedule.js'
import {
  type ConvolutionShape,
  convolutionShape,
  defaultBlocks,
  defineBlockKnobs,
} from './conv2d-workload.js'

/** The widest tile of TVM's space; without records wider ones are chosen where registers allow. */
const WIDEST_TILE = 8

function isDepthwise({ groups, inputs, filters }: ConvolutionShape): boolean {
  return groups > 1 && groups === inputs && groups === filters
}

/** Arguments: data, weight, strides, padding, dilation, groups, output type. Planes are treated like images of a batch. */
export const conv3dNCDHWc = registerTemplate({
  name: 'conv3d_ncdhw.x86',
  compute(config, args) {
    const shape = convolutionShape(args, args[5] as number)
    defineBlockKnobs(config, {
      inputChannels: shape.inputs,
      outputChannels: shape.filters,
      width: shape.undilatedWidth,
      policy: 'factors',
      widest: WIDEST_TILE,
    })
    const depthwise = isDepthwise(shape)
    const [data, weight] = blockedOperands(config, args, shape, depthwise)
    const dtype = (args[6] as string) || data.dtype
    return [
      depthwise
        ? blockedDepthwise(data, weight, args, dtype)
        : blockedConvolution(data, weight, args, shape.groups, dtype),
    ]
  },
  schedule: (config, outputs, target) => scheduleBlockedConvolution(config, outputs, target),
  defaults(args, target) {
    const shape = convolutionShape(args, args[5] as number)
    return defaultBlocks(shape, target, { depthwise: isDepthwise(shape) })
  },
})

/** The blocked form of a convolution over volumes, or what one in the plain layout becomes when its layout is altered. */
export function blockedVolumes(
  attrs: TvmObject,
  inputs: readonly Tensor[],
  target: Target,
): Implementation[] {
  const [data, weight] = inputs as [Tensor, Tensor]
  if ([...data.shape, ...weight.shape].some((dim) => dim <= 0)) return []
  const plain = text(attrs, 'data_layout') === 'NCDHW' && text(attrs, 'kernel_layout') === 'OIDHW'
  const blocked = /^NCDHW\d+c$/.test(text(attrs, 'data_layout'))
  if (!plain && !blocked) return []
  const { before, after } = border(attrs, 3)
  const args: TemplateArg[] = [
    data,
    weight,
    ints(attrs, 'strides'),
    [...before, ...after],
    ints(attrs, 'dilation'),
    int(attrs, 'groups'),
    outDtype(attrs, data.dtype),
  ]
  return [templated(conv3dNCDHWc, args, target, plain ? { onlyAltered: true, plevel: 20 } : {})]
}

/** The same convolution in the layout that its configuration asks for. */
export function alterVolumes(attrs: TvmObject, { task, args }: Workload, config: ConfigEntity) {
  const shape = convolutionShape(args, args[5] as number)
  const [ib, ob] = [config.inner('tile_ic'), config.inner('tile_oc')]
  const [data, weight] = [theTensor(args[0]), theTensor(args[1])]
  const [n, channels, ...size] = data.shape as [number, number, ...number[]]
  const [filters, perGroup, ...kernel] = weight.shape as [number, number, ...number[]]
  const wi = isDepthwise(shape) ? 1 : ib
  const blocked: PlainArg[] = [
    tensorPlainArg([n, channels / ib, ...size, ib], data.dtype),
    tensorPlainArg([filters / ob, perGroup / wi, ...kernel, wi, ob], weight.dtype),
    ...args.slice(2),
  ]
  return {
    op: 'nn.conv3d',
    attrs: {
      strides: ints(attrs, 'strides'),
      padding: ints(attrs, 'padding'),
      dilation: ints(attrs, 'dilation'),
      groups: int(attrs, 'groups'),
      channels: filters,
      kernel_size: kernel,
      data_layout: `NCDHW${ib}c`,
      kernel_layout: `OIDHW${wi}i${ob}o`,
      out_layout: `NCDHW${ob}c`,
      out_dtype: text(attrs, 'out_dtype'),
    },
    workload: { task, args: blocked },
  }
}
