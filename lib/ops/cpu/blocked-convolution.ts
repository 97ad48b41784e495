import { TvmNodeError } from '../../errors.js'
import { compute, placeholder, reduceAxis, sum, type Tensor } from '../../ir/te.js'
import { add, cast, floordiv, floormod, type IterVar, mul, type PrimExpr } from '../../ir/tir.js'
import type { Config } from '../../schedule-config/config.js'
import type { TemplateArg } from '../../schedule-config/workload.js'
import type { ConvolutionShape } from './conv2d-workload.js'
import { pad, windowCount } from './pad.js'

/** Tags by which the schedule finds the convolution, of whatever rank. */
export const CONVOLUTION = 'conv2d_NCHWc'
export const DEPTHWISE = 'depthwise_conv2d_NCHWc'

/** Strides, padding and dilation of each spatial axis as the templates are given them. */
function geometry(args: readonly TemplateArg[], rank: number) {
  const [strides, padding, dilation] = args.slice(2, 5) as [number[], number[], number[]]
  const before = Array.from({ length: rank }, (_, i) => padding[i] ?? 0)
  const after = padding.length > rank ? padding.slice(rank) : before
  return { before, after, steps: before.map((_, i) => [strides[i] ?? 1, dilation[i] ?? 1] as const) }
}

/** Where a window over the input stands, and the extents of the result. */
function moveWindow(
  size: readonly number[],
  kernel: readonly number[],
  steps: ReturnType<typeof geometry>['steps'],
) {
  const window = kernel.map((extent, i) => reduceAxis(extent, `k${'dhw'.slice(3 - kernel.length)[i]}`))
  const extents = kernel.map((extent, i) => {
    const [stride, dilation] = steps[i] as readonly [number, number]
    return windowCount(size[i] as number, extent, { stride, dilation })
  })
  const source = (at: readonly PrimExpr[]) =>
    at.map((o, i) => {
      const [stride, dilation] = steps[i] as readonly [number, number]
      return add(mul(o, stride), mul((window[i] as IterVar).var, dilation))
    })
  return { window, extents, source }
}

/**
 * The operands in blocks. Those in the plain layout are tasks by themselves: ready-made blocks of the configuration's sizes
 * stand in their place, so that the kernel alone is measured.
 */
export function blockedOperands(
  config: Config,
  [data, weight]: readonly TemplateArg[],
  { inputs, filters, groups }: ConvolutionShape,
  depthwise: boolean,
): [data: Tensor, weight: Tensor] {
  const [d, w] = [data as Tensor, weight as Tensor]
  if (d.shape.length !== w.shape.length) return [d, w]
  const [ib, ob] = [config.inner('tile_ic'), config.inner('tile_oc')]
  const perGroup = depthwise ? 1 : inputs / groups
  if ((depthwise ? inputs : perGroup) % ib !== 0 || (filters / (depthwise ? 1 : groups)) % ob !== 0) {
    throw new TvmNodeError('ERR_INVALID_CONFIG', `blocks of ${ib} and ${ob} channels do not divide a group`)
  }
  const [n, , ...size] = d.shape as [number, number, ...number[]]
  const kernel = w.shape.slice(2)
  const inner = depthwise ? 1 : ib
  return [
    placeholder([n, inputs / ib, ...size, ib], d.dtype, 'data'),
    placeholder([filters / ob, perGroup / inner, ...kernel, inner, ob], w.dtype, 'weight'),
  ]
}

/**
 * Convolution in blocked layout: data [N, C/ib, ...size, ib], weight [K/ob, C/g/ib, ...kernel, ib, ob], result
 * [N, K/ob, ...places, ob] (layouts as in TVM v0.18, python/tvm/topi/nn/conv2d.py, conv2d_NCHWc).
 */
export function blockedConvolution(
  data: Tensor,
  weight: Tensor,
  args: readonly TemplateArg[],
  groups: number,
  dtype: string,
): Tensor {
  const kernel = weight.shape.slice(2, -2)
  const { before, after, steps } = geometry(args, kernel.length)
  const n = data.shape[0] as number
  const [kc, icg] = weight.shape as [number, number]
  const [ib, ob] = weight.shape.slice(-2) as [number, number]
  const padded = pad(data, { before, after })
  const { window, extents, source } = moveWindow(padded.shape.slice(2, -1), kernel, steps)
  const chunk = reduceAxis(icg, 'ic_chunk')
  const block = reduceAxis(ib, 'ic_block')
  const perGroup = kc / groups
  const name = `conv${kernel.length}d_NC${'DHW'.slice(3 - kernel.length)}c`
  return compute(
    [n, kc, ...extents, ob],
    (...i) => {
      const [b, oc] = i as [PrimExpr, PrimExpr]
      const oi = i.at(-1) as PrimExpr
      const first = groups === 1 ? chunk.var : add(mul(floordiv(oc, perGroup), icg), chunk.var)
      const value = padded.at(b, first, ...source(i.slice(2, -1)), block.var)
      const weigh = weight.at(oc, chunk.var, ...window.map((k) => k.var), block.var, oi)
      return sum(mul(cast(value, dtype), cast(weigh, dtype)), [chunk, ...window, block])
    },
    { name, tag: CONVOLUTION },
  )
}

/** Depthwise convolution in blocked layout: data [N, C/ib, ...size, ib], weight [C/b, 1, ...kernel, 1, b]. */
export function blockedDepthwise(
  data: Tensor,
  weight: Tensor,
  args: readonly TemplateArg[],
  dtype: string,
): Tensor {
  const kernel = weight.shape.slice(2, -2)
  const { before, after, steps } = geometry(args, kernel.length)
  const n = data.shape[0] as number
  const [ib, ob, kc] = [data.shape.at(-1), weight.shape.at(-1), weight.shape[0]] as [number, number, number]
  const padded = pad(data, { before, after, partition: true })
  const { window, extents, source } = moveWindow(padded.shape.slice(2, -1), kernel, steps)
  const name = `depthwise_conv${kernel.length}d_NC${'DHW'.slice(3 - kernel.length)}c`
  return compute(
    [n, kc, ...extents, ob],
    (...i) => {
      const [b, c] = i as [PrimExpr, PrimExpr]
      const oi = i.at(-1) as PrimExpr
      const channel = add(mul(c, ob), oi)
      const [chunk, lane] = ib === ob ? [c, oi] : [floordiv(channel, ib), floormod(channel, ib)]
      const value = padded.at(b, chunk, ...source(i.slice(2, -1)), lane)
      const weigh = weight.at(c, 0, ...window.map((k) => k.var), 0, oi)
      return sum(mul(cast(value, dtype), cast(weigh, dtype)), window)
    },
    { name, tag: DEPTHWISE },
  )
}
