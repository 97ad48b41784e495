import type { Target } from '../../ir/target.js'
import type { Tensor } from '../../ir/te.js'
import type { TvmObject } from '../../runtime/index.js'
import type { Template } from '../../schedule-config/template.js'
import type { TemplateArg } from '../../schedule-config/workload.js'
import { border, int, ints, outDtype, text } from '../attrs.js'
import { type Implementation, registerStrategy } from '../strategy.js'
import { templated } from '../templated.js'
import { conv2dDsp, isDspConvolution } from './conv2d-dsp.js'
import { conv2dNCHWc, depthwiseConv2dNCHWc, groupConv2d } from './conv2d-nchwc.js'
import { conv2dNCHWcInt8, isByteConvolution } from './conv2d-nchwc-int8.js'

/** What a convolution in the plain layout can become when its layout is altered. */
export function blockedConvolutions(
  attrs: TvmObject,
  inputs: readonly Tensor[],
  target: Target,
): Implementation[] {
  const [data, weight] = inputs as [Tensor, Tensor]
  if (text(attrs, 'data_layout') !== 'NCHW' || text(attrs, 'kernel_layout') !== 'OIHW') return []
  if ([...data.shape, ...weight.shape].some((dim) => dim <= 0)) return []
  const [template, args] = blockedTask(attrs, inputs, isDepthwise(attrs, data, weight), target)
  const blocked = templated(template, args, target, { onlyAltered: true, plevel: 20 })
  if (!isDspConvolution(inputs, int(attrs, 'groups'), target)) return [blocked]
  // By a record only, as which tiles a processor's registers hold is to be measured.
  return [blocked, templated(conv2dDsp, args, target, { onlyAltered: true, plevel: 5 })]
}

function isDepthwise(attrs: TvmObject, data: Tensor, weight: Tensor): boolean {
  const groups = int(attrs, 'groups')
  return groups > 1 && groups === data.shape[1] && weight.shape[1] === 1 && weight.shape[0] === groups
}

/** The template and its arguments, in the order of records. */
function blockedTask(
  attrs: TvmObject,
  [data, weight]: readonly Tensor[],
  depthwise: boolean,
  target: Target,
): [Template, TemplateArg[]] {
  const groups = int(attrs, 'groups')
  const { before, after } = border(attrs, 2)
  const operands = [
    data as Tensor,
    weight as Tensor,
    ints(attrs, 'strides'),
    [...before, ...after],
    ints(attrs, 'dilation'),
  ]
  const dtype = outDtype(attrs, (data as Tensor).dtype)
  const bytes = !depthwise && isByteConvolution([data as Tensor, weight as Tensor], groups, target)
  if (groups > 1 && !depthwise && !bytes) return [groupConv2d, [...operands, groups, dtype]]
  const layout = text(attrs, 'data_layout')
  const outLayout = text(attrs, 'out_layout') || layout
  const dsp = (weight as Tensor).shape.length === 7 && target.isC
  const template = depthwise ? depthwiseConv2dNCHWc : dsp ? conv2dDsp : bytes ? conv2dNCHWcInt8 : conv2dNCHWc
  return [template, [...operands, layout, outLayout, dtype]]
}

for (const [op, depthwise] of [
  ['nn.contrib_conv2d_NCHWc', false],
  ['nn.contrib_depthwise_conv2d_NCHWc', true],
] as const) {
  registerStrategy(op, ({ attrs, inputs, target }) => [
    templated(...blockedTask(attrs, inputs, depthwise, target), target),
  ])
}
