import { type Call, call, type Expr } from '../../ir/relay.js'
import type { TvmArray, TvmObject } from '../../runtime/index.js'
import { int, ints, text } from '../attrs.js'
import { registerOpAttr } from '../strategy.js'
import { fillChannels } from './legalize-int8.js'

/** A 1-D convolution is a 2-D one of height 1, for which there are fast kernels. */
export function legalizeConv1d(attrs: TvmObject, args: readonly Expr[]): Call | null {
  if (text(attrs, 'data_layout') !== 'NCW' || text(attrs, 'kernel_layout') !== 'OIW') return null
  const [data, weight] = args.map((arg) => call('expand_dims', [arg], { axis: 2, num_newaxis: 1 })) as [
    Call,
    Call,
  ]
  const pad = ints(attrs, 'padding')
  const [left = 0, right = left] = pad
  const channels = attrs.get('channels')
  const kernel = ints(attrs, 'kernel_size')
  const wide = call('nn.conv2d', [data, weight], {
    strides: [1, ...ints(attrs, 'strides')],
    padding: [0, left, 0, right],
    dilation: [1, ...ints(attrs, 'dilation')],
    groups: int(attrs, 'groups'),
    ...(channels === null ? {} : { channels: channels as number }),
    ...(kernel.length === 0 ? {} : { kernel_size: [1, ...kernel] }),
    out_dtype: text(attrs, 'out_dtype'),
  })
  return call('squeeze', [fillChannels(wide.attrs, [data, weight]) ?? wide], { axis: [2] })
}

const conv1d = (attrs: TvmObject, args: TvmArray<Expr>) => legalizeConv1d(attrs, args.toArray())
registerOpAttr('nn.conv1d', 'FTVMLegalize', conv1d as never)
