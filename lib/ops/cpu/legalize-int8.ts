import { type Call, call, constant, dtypeOf, type Expr, shapeOf, tuple } from '../../ir/relay.js'
import type { Target } from '../../ir/target.js'
import { getGlobalFunc, type TvmArray, type TvmObject } from '../../runtime/index.js'
import { emptyTensor } from '../../tensor.js'
import { border, int, ints, text } from '../attrs.js'
import { registerOpAttr } from '../strategy.js'
import { DOT } from './dot-product.js'
import { windowCount } from './pad.js'

type Legalize = (attrs: TvmObject, args: TvmArray<Expr>) => Call | null

function currentTarget(): Target {
  return getGlobalFunc('target.TargetCurrent')(false) as Target
}

/** Whether the product is one of bytes that the CPU multiplies four at a time. */
function isByteProduct(data: Expr, weight: Expr): boolean {
  return dtypeOf(data) === currentTarget().dotProductData && dtypeOf(weight) === 'int8'
}

const missing = (extent: number, multiple: number = DOT) => (multiple - (extent % multiple)) % multiple

/** Zeros behind the elements of some axes. */
function padBehind(x: Expr, extents: readonly number[]): Expr {
  if (extents.every((extent) => extent === 0)) return x
  return call('nn.pad', [x, constant(0, 'int32')], {
    pad_width: extents.map((extent) => [0, extent]),
    pad_mode: 'constant',
  })
}

/** The same for weights, by concatenation, which is evaluated at compile time. */
function extend(x: Expr, extents: readonly number[]): Expr {
  return extents.reduce((result, extent, axis) => {
    if (extent === 0) return result
    const shape = shapeOf(result).map((length, i) => (i === axis ? extent : length))
    const zeros = constant(emptyTensor('int8', shape))
    return call('concatenate', [tuple([result, zeros])], { axis })
  }, x)
}

function cut(x: Expr, axis: number, end: number): Call {
  return call('strided_slice', [x], { begin: [0], end: [end], strides: [1], axes: [axis], slice_mode: 'end' })
}

/** A convolution of the plain layouts, with its extents and attributes. */
interface Convolution {
  readonly data: Expr
  readonly weight: Expr
  readonly strides: readonly [number, number]
  /** [top, left, bottom, right] */
  readonly padding: readonly [number, number, number, number]
  readonly dilation: readonly [number, number]
}

function makeConvolution({ data, weight, strides, padding, dilation }: Convolution): Call {
  const [channels, , r, s] = shapeOf(weight) as [number, number, number, number]
  return call('nn.conv2d', [data, weight], {
    strides: [...strides],
    padding: [...padding],
    dilation: [...dilation],
    groups: 1,
    channels,
    kernel_size: [r, s],
    out_dtype: 'int32',
  })
}

/**
 * Convolutions of few channels: the columns of the window become channels, C of each column, so that fewer of those multiplied
 * are zeros. Data [N, C, H, W] becomes [N, S * C, H, columns of the result].
 */
function foldColumns(convolution: Convolution): Convolution {
  const { data, weight, strides, padding, dilation } = convolution
  const [filters, channels, r, s] = shapeOf(weight) as [number, number, number, number]
  const fill = (count: number) => count + missing(count)
  if (channels >= DOT || 2 * fill(channels * s) > fill(channels) * s) return convolution
  const [top, left, bottom, right] = padding
  const bordered = padding.every((extent) => extent === 0)
    ? data
    : call('nn.pad', [data, constant(0, 'int32')], {
        pad_width: [
          [0, 0],
          [0, 0],
          [top, bottom],
          [left, right],
        ],
        pad_mode: 'constant',
      })
  const width = shapeOf(bordered)[3] as number
  const columns = windowCount(width, s, { stride: strides[1], dilation: dilation[1] })
  const parts = Array.from({ length: s }, (_, x) => {
    const begin = x * dilation[1]
    return call('strided_slice', [bordered], {
      begin: [begin],
      end: [begin + (columns - 1) * strides[1] + 1],
      strides: [strides[1]],
      axes: [3],
      slice_mode: 'end',
    })
  })
  const turned = call('transpose', [weight], { axes: [0, 3, 1, 2] })
  return {
    data: call('concatenate', [tuple(parts)], { axis: 1 }),
    weight: call('reshape', [turned], { newshape: [filters, s * channels, r, 1] }),
    strides: [strides[0], 1],
    padding: [0, 0, 0, 0],
    dilation: [dilation[0], 1],
  }
}

/** Fills channels and filters up to multiples of four; null where there is nothing to do. */
export function fillChannels(attrs: TvmObject, [data, weight]: readonly [Expr, Expr]): Call | null {
  if (!isByteProduct(data, weight) || int(attrs, 'groups') !== 1) return null
  if (text(attrs, 'data_layout') !== 'NCHW' || text(attrs, 'kernel_layout') !== 'OIHW') return null
  if ([...shapeOf(data), ...shapeOf(weight)].some((extent) => extent <= 0)) return null
  const { before, after } = border(attrs, 2)
  const given: Convolution = {
    data,
    weight,
    strides: ints(attrs, 'strides') as [number, number],
    padding: [...before, ...after] as [number, number, number, number],
    dilation: ints(attrs, 'dilation') as [number, number],
  }
  const folded = foldColumns(given)
  const [filters, channels] = shapeOf(folded.weight) as [number, number]
  const [moreFilters, moreChannels] = [missing(filters), missing(channels)]
  if (folded === given && moreFilters === 0 && moreChannels === 0) return null
  const result = makeConvolution({
    ...folded,
    data: padBehind(folded.data, [0, moreChannels, 0, 0]),
    weight: extend(folded.weight, [moreFilters, moreChannels, 0, 0]),
  })
  return moreFilters === 0 ? result : cut(result, 1, filters)
}

/** Fills the depth up to a multiple of four, columns to whole vectors where there are several. */
const dense: Legalize = (attrs, args) => {
  const [data, weight] = args.toArray() as [Expr, Expr]
  if (!isByteProduct(data, weight)) return null
  const [columns, depth] = shapeOf(weight) as [number, number]
  const { simdLanes32: lanes } = currentTarget()
  const [moreColumns, moreDepth] = [missing(columns, columns > lanes ? lanes : DOT), missing(depth)]
  if ((moreColumns === 0 && moreDepth === 0) || [...shapeOf(data), columns].some((extent) => extent <= 0))
    return null
  const result = call(
    'nn.dense',
    [padBehind(data, [0, moreDepth]), extend(weight, [moreColumns, moreDepth])],
    {
      units: columns + moreColumns,
      out_dtype: text(attrs, 'out_dtype'),
    },
  )
  return moreColumns === 0 ? result : cut(result, 1, columns)
}

const conv2d: Legalize = (attrs, args) => fillChannels(attrs, args.toArray() as [Expr, Expr])
registerOpAttr('nn.conv2d', 'FTVMLegalize', conv2d as never)
registerOpAttr('nn.dense', 'FTVMLegalize', dense as never)
