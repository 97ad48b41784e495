import { call, type Expr } from '../../ir/relay.js'
import type { Tensor } from '../../ir/te.js'
import type { TvmArg, TvmArray, TvmObject } from '../../runtime/index.js'
import { int } from '../attrs.js'
import { convertible, DEFAULT_LAYOUT } from '../desired-layouts.js'
import { registerOpAttr } from '../strategy.js'

/** What the library calls for each operator of which a network's user says the layouts (TVM v0.18, src/relay/transforms/convert_layout.cc). */
type Convert = (
  attrs: TvmObject,
  args: TvmArray<Expr>,
  inputs: TvmArray<Tensor>,
  desired: TvmArray<TvmArg & string>,
) => Expr

/** The same operator with some attributes changed. */
function changed(op: string, attrs: TvmObject, args: TvmArray<Expr>, changes: Record<string, string>): Expr {
  const given = attrs.fieldNames().map((name) => [name, attrs.get(name) as TvmArg] as const)
  return call(op, args.toArray(), { ...Object.fromEntries(given), ...changes })
}

/** The kernel's layout that goes with a data layout: filters first with channels first, and the filters in neighbouring elements else. */
function kernelLayout(
  data: string,
  { transposed, depthwise }: { transposed: boolean; depthwise: boolean },
): string {
  const axes = data.replace(/[NC]/g, '')
  if (data.indexOf('C') === 1) return `${transposed ? 'IO' : 'OI'}${axes}`
  return `${axes}${depthwise ? 'OI' : 'IO'}`
}

function convolution(op: string): Convert {
  const transposed = op.endsWith('_transpose')
  return (attrs, args, inputs, desired) => {
    const [wanted = DEFAULT_LAYOUT, kernel = DEFAULT_LAYOUT] = desired.toArray()
    const layout = wanted === DEFAULT_LAYOUT ? (attrs.get('data_layout') as string) : wanted
    const [data] = inputs.toArray() as [Tensor]
    const groups = int(attrs, 'groups')
    const channels = data.shape[(attrs.get('data_layout') as string).indexOf('C')]
    const depthwise = groups > 1 && groups === channels
    return changed(op, attrs, args, {
      data_layout: layout,
      kernel_layout: kernel === DEFAULT_LAYOUT ? kernelLayout(layout, { transposed, depthwise }) : kernel,
      out_layout: '',
    })
  }
}

function pooling(op: string): Convert {
  return (attrs, args, _inputs, desired) => {
    const [layout = DEFAULT_LAYOUT] = desired.toArray()
    return changed(op, attrs, args, layout === DEFAULT_LAYOUT ? {} : { layout, out_layout: '' })
  }
}

for (const [op, { kernel }] of convertible)
  registerOpAttr(op, 'FTVMConvertOpLayout', (kernel ? convolution(op) : pooling(op)) as never)
