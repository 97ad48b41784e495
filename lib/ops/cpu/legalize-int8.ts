import { type Call, call, constant, dtypeOf, type Expr, shapeOf } from '../../ir/relay.js'
import type { Target } from '../../ir/target.js'
import { getGlobalFunc, type TvmArray, type TvmObject } from '../../runtime/index.js'
import { emptyTensor } from '../../tensor.js'
import { int, ints, text } from '../attrs.js'
import { registerOpAttr } from '../strategy.js'
import { DOT } from './dot-product.js'

type Legalize = (attrs: TvmObject, args: TvmArray<Expr>) => Call | null

function currentTarget(): Target {
  return getGlobalFunc('target.TargetCurrent')(false) as Target
}

/** Whether the product is one of unsigned by signed bytes, on a CPU that multiplies four of them at a time. */
function isByteProduct(data: Expr, weight: Expr): boolean {
  return currentTarget().isX86 && dtypeOf(data) === 'uint8' && dtypeOf(weight) === 'int8'
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
    const fields = getGlobalFunc('relay.ir.Tuple')([result, zeros], null) as Expr
    return call('concatenate', [fields], { axis })
  }, x)
}

function cut(x: Expr, axis: number, end: number): Call {
  return call('strided_slice', [x], { begin: [0], end: [end], strides: [1], axes: [axis], slice_mode: 'end' })
}

/** Fills channels and filters up to multiples of four; null where there is nothing to do. */
export function fillChannels(attrs: TvmObject, [data, weight]: readonly [Expr, Expr]): Call | null {
  if (!isByteProduct(data, weight) || int(attrs, 'groups') !== 1) return null
  if (text(attrs, 'data_layout') !== 'NCHW' || text(attrs, 'kernel_layout') !== 'OIHW') return null
  const [filters, channels, r, s] = shapeOf(weight) as [number, number, number, number]
  const [moreFilters, moreChannels] = [missing(filters), missing(channels)]
  if ((moreFilters === 0 && moreChannels === 0) || [...shapeOf(data), filters].some((extent) => extent <= 0))
    return null
  const result = call(
    'nn.conv2d',
    [padBehind(data, [0, moreChannels, 0, 0]), extend(weight, [moreFilters, moreChannels, 0, 0])],
    {
      strides: ints(attrs, 'strides'),
      padding: ints(attrs, 'padding'),
      dilation: ints(attrs, 'dilation'),
      groups: 1,
      channels: filters + moreFilters,
      kernel_size: [r, s],
      out_dtype: text(attrs, 'out_dtype'),
    },
  )
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
