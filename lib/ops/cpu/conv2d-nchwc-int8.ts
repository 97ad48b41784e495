import { TvmNodeError } from '../../errors.js'
import type { Target } from '../../ir/target.js'
import { compute, placeholder, reduceAxis, sum, Tensor } from '../../ir/te.js'
import { add, cast, floordiv, floormod, mul, type PrimExpr } from '../../ir/tir.js'
import type { Config } from '../../schedule-config/config.js'
import { ConfigEntity } from '../../schedule-config/config-entity.js'
import { other, split } from '../../schedule-config/knob.js'
import { registerTemplate } from '../../schedule-config/template.js'
import { type PlainArg, type TemplateArg, tensorPlainArg, theTensor } from '../../schedule-config/workload.js'
import { byteTile, scheduleConv2dInt8, tileColumns } from './conv2d-int8-schedule.js'
import { type ConvolutionShape, convolutionShape } from './conv2d-workload.js'
import { DOT, dotLanes } from './dot-product.js'
import { pad, windowCount } from './pad.js'
import { byteChannelBlock } from './tiling.js'

export const BYTES = 'conv2d_NCHWc_int8'
/** Tag of the stage that gives the columns of all rows, which a 1x1 convolution treats alike, their rows back. */
export const ROWS = 'injective,rows'

/** The widest tile that TVM's space has. */
const WIDEST_TILE = 64

/** The shape of a convolution whose weights may be in blocks of four channels. */
export function byteShape(args: readonly (PlainArg | TemplateArg)[]): ConvolutionShape {
  const weight = args[1] instanceof Tensor ? args[1] : theTensor(args[1] as PlainArg)
  const [k = 1, c = 1, r = 1, s = 1, quads = 1, block = 1] = weight.shape
  if (weight.shape.length === 4) return convolutionShape(args)
  const whole = tensorPlainArg([k, c, r, s, quads * DOT, block], weight.dtype)
  return convolutionShape([args[0] as PlainArg, whole, ...args.slice(2)])
}

/** Whether bytes of these operands are multiplied four at a time: data of the type that instructions take and signed weights in fitting groups. */
export function isByteConvolution(
  [data, weight]: readonly Tensor[],
  groups: number,
  target: Target,
): boolean {
  if (!data || weight?.dtype !== 'int8' || data.dtype !== target.dotProductData) return false
  if (data.shape.length === 5) return weight.shape.length === 7
  const [filters, perGroup] = weight.shape as [number, number]
  return perGroup % DOT === 0 && (filters / groups) % DOT === 0
}

/**
 * Convolution of bytes in blocked layout: data [N, C/ib, H, W, ib] (unsigned for x86), weight [K/ob, C/g/ib, R, S, ib/4, ob, 4] signed,
 * result [N, K/ob, P, Q, ob] in int32 (layouts as in TVM v0.18, python/tvm/topi/nn/conv2d.py, conv2d_NCHWc_int8). Arguments as
 * for `conv2d_NCHWc.x86`.
 */
export const conv2dNCHWcInt8 = registerTemplate({
  name: 'conv2d_NCHWc_int8.x86',
  compute(config, args, target) {
    const shape = byteShape(args)
    defineKnobs(config, shape)
    const [data, weight] = operands(config, args, shape, (block) => dotLanes(block, target) > 0)
    return [convolution(data, weight, args, shape, tileColumns(config))]
  },
  schedule: (config, outputs, target) => scheduleConv2dInt8(config, outputs, target),
  defaults(args, target) {
    const { inputs, filters, groups, kernel, height, width, blocks } = byteShape(args)
    const [dataBlock, block] = blocks ?? [
      byteChannelBlock(inputs / groups, target),
      byteChannelBlock(filters / groups, target),
    ]
    const pointwise = kernel[0] * kernel[1] === 1
    const rows = (columns: number) => columns % width === 0 && height % (columns / width) === 0
    const flat = byteTile({ width: height * width, block, fits: rows }, target)
    const useFlat = isFlatKernel(kernel, args[2] as number[]) && rows(flat.columns)
    const { columns } = useFlat ? flat : byteTile({ width, block }, target)
    return ConfigEntity.of({
      tile_ic: split(-1, dataBlock),
      tile_oc: split(-1, block),
      tile_ow: split(-1, columns),
      ...(pointwise ? { tile_oh: other(1) } : { unroll_kw: other(false) }),
    })
  },
})

/** Whether neighbouring results, also those at the end of one row and the beginning of the next, have neighbouring inputs. */
function isFlatKernel(kernel: readonly number[], strides: readonly number[]): boolean {
  return [...kernel, ...strides].every((extent) => extent === 1)
}

/** The knobs of TVM's template, in its order (v0.18, python/tvm/topi/x86/conv2d_int8.py). */
function defineKnobs(config: Config, { inputs, filters, kernel, width, height }: ConvolutionShape): void {
  const inner = (multiple: number) => ({
    filter: ({ factors }: { factors: readonly number[] }) => (factors.at(-1) as number) % multiple === 0,
  })
  config.defineSplit('tile_ic', inputs, inner(DOT))
  config.defineSplit('tile_oc', filters, inner(16))
  config.defineSplit('tile_ow', width, {
    filter: ({ factors }) => (factors.at(-1) as number) <= WIDEST_TILE,
  })
  if (kernel[0] * kernel[1] === 1) config.defineKnob('tile_oh', height > 1 ? [1, 2] : [1])
  else config.defineKnob('unroll_kw', [true, false])
}

/** The operands in blocks; ready-made ones stand in the place of those in the plain layout. */
export function operands(
  config: Config,
  [data, weight]: readonly TemplateArg[],
  { inputs, filters, groups }: ConvolutionShape,
  fits: (block: number) => boolean,
): [data: Tensor, weight: Tensor] {
  const [d, w] = [data as Tensor, weight as Tensor]
  if (d.shape.length === 5) return [d, w]
  const [ib, ob] = [config.inner('tile_ic'), config.inner('tile_oc')]
  const perGroup = inputs / groups
  if (perGroup % ib !== 0 || (filters / groups) % ob !== 0 || ib % DOT !== 0 || !fits(ob)) {
    throw new TvmNodeError('ERR_INVALID_CONFIG', `blocks of ${ib} and ${ob} channels do not divide a group`)
  }
  const [n, , h, wide] = d.shape as [number, number, number, number]
  const [, , r, s] = w.shape as [number, number, number, number]
  return [
    placeholder([n, inputs / ib, h, wide, ib], d.dtype, 'data'),
    placeholder([filters / ob, perGroup / ib, r, s, ib / DOT, ob, DOT], w.dtype, 'weight'),
  ]
}

/** @param tile - Columns of a tile, for which those of all rows may become one row; 0 where they must not. */
export function convolution(
  data: Tensor,
  weight: Tensor,
  args: readonly TemplateArg[],
  { groups }: ConvolutionShape,
  tile: number,
): Tensor {
  const [[sh = 1, sw = 1], padding, [dh = 1, dw = 1]] = args.slice(2, 5) as [number[], number[], number[]]
  const [top = 0, left = 0, bottom = top, right = left] = padding
  const [kc, icg, r, s, quads, ob] = weight.shape as [number, number, number, number, number, number]
  const padded = pad(data, { before: [top, left], after: [bottom, right] })
  const [n, , height, width] = padded.shape as [number, number, number, number]
  const p = windowCount(height, r, { stride: sh, dilation: dh })
  const q = windowCount(width, s, { stride: sw, dilation: dw })
  const chunk = reduceAxis(icg, 'ic_chunk')
  const y = reduceAxis(r, 'kh')
  const x = reduceAxis(s, 'kw')
  const quad = reduceAxis(quads, 'ic_quad')
  const k = reduceAxis(DOT, 'k')
  const at = (b: PrimExpr, oc: PrimExpr, oy: PrimExpr, ox: PrimExpr, oi: PrimExpr) => {
    const first = groups === 1 ? chunk.var : add(mul(floordiv(oc, kc / groups), icg), chunk.var)
    const row = add(mul(oy, sh), mul(y.var, dh))
    const column = add(mul(ox, sw), mul(x.var, dw))
    const value = padded.at(b, first, row, column, add(mul(quad.var, DOT), k.var))
    const weigh = weight.at(oc, chunk.var, y.var, x.var, quad.var, oi, k.var)
    return sum(mul(cast(value, 'int32'), cast(weigh, 'int32')), [chunk, y, x, quad, k])
  }
  const names = { name: BYTES, tag: BYTES, attrs: { step: sw } }
  if (tile === 0 || !isFlatKernel([r, s], [sh, sw]) || tile % q > 0 || p % (tile / q) > 0)
    return compute([n, kc, p, q, ob], at as never, names)
  const flat = (b: PrimExpr, oc: PrimExpr, i: PrimExpr, oi: PrimExpr) =>
    at(b, oc, floordiv(i, q), floormod(i, q), oi)
  const columns = compute([n, kc, p * q, ob], flat as never, names)
  const rows = (b: PrimExpr, oc: PrimExpr, oy: PrimExpr, ox: PrimExpr, oi: PrimExpr) =>
    columns.at(b, oc, add(mul(oy, q), ox), oi)
  return compute([n, kc, p, q, ob], rows as never, { name: 'rows', tag: ROWS })
}
