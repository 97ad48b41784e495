import { type Call, call, type Expr } from '../../ir/relay.js'
import type { Target } from '../../ir/target.js'
import type { Tensor } from '../../ir/te.js'
import { getGlobalFunc, type TvmArray, type TvmObject } from '../../runtime/index.js'
import { int, ints, text } from '../attrs.js'
import { registerOpAttr } from '../strategy.js'
import { denseBlock } from './dense.js'
import { channelBlock } from './tiling.js'

type Alter = (attrs: TvmObject, args: TvmArray<Expr>, inputs: TvmArray<Tensor>) => Call | null

function currentTarget(): Target {
  return getGlobalFunc('target.TargetCurrent')(false) as Target
}

/** Convolutions in the plain layout become blocked ones; the layout pass adds the conversions that this needs. */
const conv2d: Alter = (attrs, args, inputs) => {
  const [data, weight] = inputs.toArray()
  if (!data || !weight || text(attrs, 'data_layout') !== 'NCHW' || text(attrs, 'kernel_layout') !== 'OIHW')
    return null
  if ([...data.shape, ...weight.shape].some((dim) => dim <= 0)) return null
  const target = currentTarget()
  const groups = int(attrs, 'groups')
  const channels = data.shape[1] as number
  const [filters, perGroup, r, s] = weight.shape as [number, number, number, number]
  const depthwise = groups > 1 && groups === channels && perGroup === 1 && filters === channels
  const ib = channelBlock(depthwise ? channels : perGroup, target)
  const ob = depthwise ? ib : channelBlock(filters / groups, target)
  const common = {
    strides: ints(attrs, 'strides'),
    padding: ints(attrs, 'padding'),
    dilation: ints(attrs, 'dilation'),
    groups,
    channels: filters,
    kernel_size: [r, s],
    data_layout: `NCHW${ib}c`,
    out_layout: `NCHW${ob}c`,
    out_dtype: text(attrs, 'out_dtype'),
  }
  if (depthwise) {
    return call('nn.contrib_depthwise_conv2d_NCHWc', args.toArray(), {
      ...common,
      kernel_layout: `OIHW1i${ob}o`,
    })
  }
  return call('nn.contrib_conv2d_NCHWc', args.toArray(), { ...common, kernel_layout: `OIHW${ib}i${ob}o` })
}

/** Dense layers get their weights in blocks of columns. */
const dense: Alter = (attrs, args, inputs) => {
  const [data, weight] = inputs.toArray()
  if (!data || !weight || [...data.shape, ...weight.shape].some((dim) => dim <= 0) || data.shape.length !== 2)
    return null
  const columns = weight.shape[0] as number
  return call('nn.contrib_dense_pack', args.toArray(), {
    units: columns,
    out_dtype: text(attrs, 'out_dtype'),
    weight_layout: `NC${denseBlock(columns, currentTarget())}n`,
  })
}

registerOpAttr('nn.conv2d', 'FTVMAlterOpLayout', conv2d as never)
registerOpAttr('nn.dense', 'FTVMAlterOpLayout', dense as never)
