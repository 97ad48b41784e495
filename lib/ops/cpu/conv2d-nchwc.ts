import { TvmNodeError } from '../../errors.js'
import { compute, placeholder, reduceAxis, sum, type Tensor } from '../../ir/te.js'
import { add, cast, floordiv, floormod, mul, type PrimExpr } from '../../ir/tir.js'
import type { Config } from '../../schedule-config/config.js'
import { registerTemplate } from '../../schedule-config/template.js'
import { type TemplateArg, theTensor } from '../../schedule-config/workload.js'
import { scheduleBlockedConvolution } from './conv2d-schedule.js'
import {
  type ConvolutionShape,
  convolutionShape,
  defaultBlocks,
  defineBlockKnobs,
} from './conv2d-workload.js'
import { pad, windowCount } from './pad.js'

/** Tags by which the schedule finds the convolution. */
export const CONVOLUTION = 'conv2d_NCHWc'
export const DEPTHWISE = 'depthwise_conv2d_NCHWc'

/** Strides, padding and dilation as the templates are given them. */
function geometry(args: readonly TemplateArg[]) {
  const [[sh = 1, sw = 1], padding, [dh = 1, dw = 1]] = args.slice(2, 5) as [number[], number[], number[]]
  const [top = 0, left = 0, bottom = top, right = left] = padding
  return { sh, sw, dh, dw, before: [top, left], after: [bottom, right] }
}

/**
 * The operands in blocks. Those in the plain layout are tasks by themselves: ready-made blocks of the configuration's sizes
 * stand in their place, so that the kernel alone is measured.
 */
function blockedOperands(
  config: Config,
  [data, weight]: readonly TemplateArg[],
  { inputs, filters, groups }: ConvolutionShape,
  depthwise: boolean,
): [data: Tensor, weight: Tensor] {
  const [d, w] = [data as Tensor, weight as Tensor]
  if (d.shape.length === 5) return [d, w]
  const [ib, ob] = [config.inner('tile_ic'), config.inner('tile_oc')]
  const perGroup = depthwise ? 1 : inputs / groups
  if ((depthwise ? inputs : perGroup) % ib !== 0 || (filters / (depthwise ? 1 : groups)) % ob !== 0) {
    throw new TvmNodeError('ERR_INVALID_CONFIG', `blocks of ${ib} and ${ob} channels do not divide a group`)
  }
  const [n, , h, wide] = d.shape as [number, number, number, number]
  const [, , r, s] = w.shape as [number, number, number, number]
  const inner = depthwise ? 1 : ib
  return [
    placeholder([n, inputs / ib, h, wide, ib], d.dtype, 'data'),
    placeholder([filters / ob, perGroup / inner, r, s, inner, ob], w.dtype, 'weight'),
  ]
}

/**
 * Convolution in blocked layout: data [N, C/ib, H, W, ib], weight [K/ob, C/g/ib, R, S, ib, ob], result [N, K/ob, P, Q, ob]
 * (layouts as in TVM v0.18, python/tvm/topi/nn/conv2d.py, conv2d_NCHWc).
 */
function convolution(
  data: Tensor,
  weight: Tensor,
  args: readonly TemplateArg[],
  groups: number,
  dtype: string,
): Tensor {
  const { sh, sw, dh, dw, before, after } = geometry(args)
  const n = data.shape[0] as number
  const [kc, icg, r, s, ib, ob] = weight.shape as [number, number, number, number, number, number]
  const padded = pad(data, { before, after })
  const p = windowCount(padded.shape[2] as number, r, { stride: sh, dilation: dh })
  const q = windowCount(padded.shape[3] as number, s, { stride: sw, dilation: dw })
  const chunk = reduceAxis(icg, 'ic_chunk')
  const block = reduceAxis(ib, 'ic_block')
  const y = reduceAxis(r, 'kh')
  const x = reduceAxis(s, 'kw')
  const perGroup = kc / groups
  return compute(
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
    { name: 'conv2d_NCHWc', tag: CONVOLUTION },
  )
}

/** Depthwise convolution in blocked layout: data [N, C/ib, H, W, ib], weight [C/b, 1, R, S, 1, b]. */
function depthwise(data: Tensor, weight: Tensor, args: readonly TemplateArg[], dtype: string): Tensor {
  const { sh, sw, dh, dw, before, after } = geometry(args)
  const n = data.shape[0] as number
  const ib = data.shape[4] as number
  const [kc, , r, s, , ob] = weight.shape as [number, number, number, number, number, number]
  const padded = pad(data, { before, after, partition: true })
  const p = windowCount(padded.shape[2] as number, r, { stride: sh, dilation: dh })
  const q = windowCount(padded.shape[3] as number, s, { stride: sw, dilation: dw })
  const y = reduceAxis(r, 'kh')
  const x = reduceAxis(s, 'kw')
  return compute(
    [n, kc, p, q, ob],
    (...i) => {
      const [b, c, oy, ox, oi] = i as [PrimExpr, PrimExpr, PrimExpr, PrimExpr, PrimExpr]
      const channel = add(mul(c, ob), oi)
      const [chunk, lane] = ib === ob ? [c, oi] : [floordiv(channel, ib), floormod(channel, ib)]
      const value = padded.at(
        b,
        chunk,
        add(mul(oy, sh), mul(y.var, dh)),
        add(mul(ox, sw), mul(x.var, dw)),
        lane,
      )
      return sum(mul(cast(value, dtype), cast(weight.at(c, 0, y.var, x.var, 0, oi), dtype)), [y, x])
    },
    { name: 'depthwise_conv2d_NCHWc', tag: DEPTHWISE },
  )
}

/** Arguments: data, weight, strides, padding, dilation, layout, output layout, output type. */
export const conv2dNCHWc = registerTemplate({
  name: 'conv2d_NCHWc.x86',
  compute(config, args) {
    const shape = convolutionShape(args)
    const pointwise = shape.kernel[0] * shape.kernel[1] === 1
    defineBlockKnobs(config, {
      inputChannels: shape.inputs,
      outputChannels: shape.filters,
      width: shape.undilatedWidth,
      policy: 'verbose',
      ...(pointwise ? { pointwise: shape.undilatedHeight } : {}),
    })
    const [data, weight] = blockedOperands(config, args, shape, false)
    return [convolution(data, weight, args, shape.groups, (args[7] as string) || data.dtype)]
  },
  schedule: (config, outputs, target) => scheduleBlockedConvolution(config, outputs, target),
  defaults: (args, target) => defaultBlocks(convolutionShape(args), target, { pointwise: true }),
})

/** Arguments: data, weight, strides, padding, dilation, groups, output type. */
export const groupConv2d = registerTemplate({
  name: 'group_conv2d_nchw.x86',
  compute(config, args) {
    const groups = args[5] as number
    const shape = convolutionShape(args, groups)
    defineBlockKnobs(config, {
      inputChannels: shape.inputs,
      outputChannels: shape.filters,
      width: shape.width,
      policy: 'factors',
    })
    const [data, weight] = blockedOperands(config, args, shape, false)
    return [convolution(data, weight, args, groups, (args[6] as string) || data.dtype)]
  },
  schedule: (config, outputs, target) => scheduleBlockedConvolution(config, outputs, target),
  defaults: (args, target) => defaultBlocks(convolutionShape(args, args[5] as number), target),
})

/** Arguments as for `conv2d_NCHWc.x86`; as many filters as channels. */
export const depthwiseConv2dNCHWc = registerTemplate({
  name: 'depthwise_conv2d_NCHWc.x86',
  compute(config, args) {
    const shape = convolutionShape(args)
    defineBlockKnobs(config, {
      inputChannels: shape.inputs,
      outputChannels: shape.filters,
      width: shape.width,
      policy: 'factors',
    })
    const [data, weight] = blockedOperands(config, args, shape, true)
    return [depthwise(data, weight, args, (args[7] as string) || data.dtype)]
  },
  schedule: (config, outputs, target) => scheduleBlockedConvolution(config, outputs, target),
  defaults: (args, target) =>
    defaultBlocks(convolutionShape(args), target, {
      depthwise: true,
      bytes: theTensor(args[0]).dtype === 'uint8',
    }),
})
