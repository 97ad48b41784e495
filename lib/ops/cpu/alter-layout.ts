import { type Call, call, type Expr } from '../../ir/relay.js'
import type { Target } from '../../ir/target.js'
import type { Tensor } from '../../ir/te.js'
import { getGlobalFunc, type TvmArray, type TvmObject } from '../../runtime/index.js'
import { type Choice, transferChoice } from '../../schedule-config/dispatch.js'
import { type PlainArg, tensorPlainArg, theTensor, type Workload } from '../../schedule-config/workload.js'
import { int, ints, text } from '../attrs.js'
import { selectImplementation } from '../select.js'
import { registerOpAttr } from '../strategy.js'
import { alterToWinograd } from './conv2d-winograd.js'
import { alterVolumes } from './conv3d-ncdhwc.js'
import { byteDenseBlock } from './dense-int8.js'
import { DOT } from './dot-product.js'
import { denseBlock } from './packed-product.js'

type Alter = (
  attrs: TvmObject,
  args: TvmArray<Expr>,
  inputs: TvmArray<Tensor>,
  outType: TvmObject,
) => Call | null

/** What an operator becomes in the layout that its configuration asks for. */
interface Altered {
  readonly op: string
  readonly attrs: Parameters<typeof call>[2]
  /** The workload of the new operator, which has the same configuration. */
  readonly workload: Workload
}

type AlterWorkload = (attrs: TvmObject, workload: Workload, choice: Choice, target: Target) => Altered

/** What stands in for an operator for which there is no record, if it is faster. */
type Instead = (
  attrs: TvmObject,
  args: readonly Expr[],
  data: readonly number[],
  target: Target,
) => Call | null

/** What it becomes where extents are open. */
type Open = (
  attrs: TvmObject,
  args: readonly Expr[],
  inputs: readonly Tensor[],
  target: Target,
) => Call | null

/** Convolutions of open extents get their weights with the filters last, so that neighbours are those of one vector. */
const filtersLast: Open = (attrs, args, [, weight]) => {
  const plain = text(attrs, 'data_layout') === 'NCHW' && text(attrs, 'kernel_layout') === 'OIHW'
  if (!plain || int(attrs, 'groups') !== 1 || !weight || weight.isOpen) return null
  return call('nn.conv2d', args, {
    strides: ints(attrs, 'strides'),
    padding: ints(attrs, 'padding'),
    dilation: ints(attrs, 'dilation'),
    groups: 1,
    channels: weight.shape[0] as number,
    kernel_size: weight.shape.slice(2),
    data_layout: 'NCHW',
    kernel_layout: 'HWIO',
    out_dtype: text(attrs, 'out_dtype'),
  })
}

/** Dense layers of open extents get them in blocks of columns. */
const openDense: Open = (attrs, args, [data, weight], target) => {
  if (data?.dims.length !== 2 || !weight || weight.isOpen) return null
  const columns = weight.shape[0] as number
  return call('nn.contrib_dense_pack', args, {
    units: columns,
    out_dtype: text(attrs, 'out_dtype'),
    weight_layout: `NC${denseBlock(columns, target)}n`,
  })
}

/** The choice made for an operator in the plain layout decides its layout and goes with it. */
function alterBy(
  op: string,
  alterations: Readonly<Record<string, AlterWorkload>>,
  instead: Instead = () => null,
  whenOpen: Open = () => null,
): Alter {
  return (attrs, args, inputs, outType) => {
    const target = getGlobalFunc('target.TargetCurrent')(false) as Target
    const tensors = inputs.toArray()
    if (tensors.some(({ isOpen }) => isOpen)) return whenOpen(attrs, args.toArray(), tensors, target)
    const selected = selectImplementation(op, { attrs, inputs: tensors, outType, target }, { altering: true })
    const { workload } = selected?.implementation ?? {}
    const alter = workload && alterations[workload.task]
    if (!alter || !selected?.choice) return null
    if (selected.choice.source === 'untuned') {
      const other = instead(attrs, args.toArray(), tensors[0]?.shape ?? [], target)
      if (other) return other
    }
    const altered = alter(attrs, workload, selected.choice, target)
    transferChoice(altered.workload, target, selected.choice)
    return call(altered.op, args.toArray(), altered.attrs)
  }
}

function blockedConvolution(kind: 'plain' | 'depthwise' | 'bytes'): AlterWorkload {
  const depthwise = kind === 'depthwise'
  return (attrs, { task, args }, { config }) => {
    const [ib, ob] = [config.inner('tile_ic'), config.inner('tile_oc')]
    const [data, weight] = [theTensor(args[0]), theTensor(args[1])]
    const [n, channels, h, w] = data.shape as [number, number, number, number]
    const [filters, perGroup, r, s] = weight.shape as [number, number, number, number]
    const wi = depthwise ? 1 : ib
    const outer = [filters / ob, perGroup / wi, r, s]
    const bytes = kind === 'bytes'
    const [dataLayout, outLayout] = [`NCHW${ib}c`, `NCHW${ob}c`]
    const blocked: PlainArg[] = [
      tensorPlainArg([n, channels / ib, h, w, ib], data.dtype),
      tensorPlainArg([...outer, ...(bytes ? [wi / DOT, ob, DOT] : [wi, ob])], weight.dtype),
      ...args.slice(2),
    ]
    if (typeof args[5] === 'string') blocked.splice(5, 2, dataLayout, outLayout)
    return {
      op: depthwise ? 'nn.contrib_depthwise_conv2d_NCHWc' : 'nn.contrib_conv2d_NCHWc',
      attrs: {
        strides: ints(attrs, 'strides'),
        padding: ints(attrs, 'padding'),
        dilation: ints(attrs, 'dilation'),
        groups: int(attrs, 'groups'),
        channels: filters,
        kernel_size: [r, s],
        data_layout: dataLayout,
        kernel_layout: bytes ? `OIHW${ib / DOT}i${ob}o${DOT}i` : `OIHW${wi}i${ob}o`,
        out_layout: outLayout,
        out_dtype: text(attrs, 'out_dtype'),
      },
      workload: { task, args: blocked },
    }
  }
}

/** Dense layers get their weights in blocks of columns. */
const packedDense: AlterWorkload = (attrs, { task, args }, { config }) => {
  const block = config.inner('tile_x')
  const weight = theTensor(args[1])
  const [columns, depth] = weight.shape as [number, number]
  return {
    op: 'nn.contrib_dense_pack',
    attrs: {
      units: columns,
      out_dtype: text(attrs, 'out_dtype'),
      weight_layout: `NC${block}n`,
    },
    workload: {
      task,
      args: [
        args[0] as PlainArg,
        tensorPlainArg([columns / block, depth, block], weight.dtype),
        ...args.slice(2),
      ],
    },
  }
}

/** Dense layers of bytes get them in blocks of columns by four. */
const byteDense: AlterWorkload = (attrs, { task, args }, _choice, target) => {
  const [data, weight] = [theTensor(args[0]), theTensor(args[1])]
  const [columns, depth] = weight.shape as [number, number]
  const block = byteDenseBlock(data.shape[0] as number, columns, target)
  const blocked = tensorPlainArg([columns / block, depth / DOT, block, DOT], weight.dtype)
  return {
    op: 'nn.contrib_dense_pack',
    attrs: {
      units: columns,
      out_dtype: text(attrs, 'out_dtype'),
      weight_layout: `NC${block}n${DOT}c`,
    },
    workload: { task, args: [args[0] as PlainArg, blocked, ...args.slice(2)] },
  }
}

const convolutions = alterBy(
  'nn.conv2d',
  {
    'conv2d_NCHWc.x86': blockedConvolution('plain'),
    'conv2d_NCHWc_int8.x86': blockedConvolution('bytes'),
    'conv2d_NCHWc_dsp.arm_cpu': blockedConvolution('bytes'),
    'group_conv2d_nchw.x86': blockedConvolution('plain'),
    'depthwise_conv2d_NCHWc.x86': blockedConvolution('depthwise'),
  },
  alterToWinograd,
  filtersLast,
)
registerOpAttr('nn.conv2d', 'FTVMAlterOpLayout', convolutions as never)
registerOpAttr(
  'nn.conv3d',
  'FTVMAlterOpLayout',
  alterBy('nn.conv3d', {
    'conv3d_ncdhw.x86': (attrs, workload, { config }) => alterVolumes(attrs, workload, config),
  }) as never,
)
registerOpAttr(
  'nn.dense',
  'FTVMAlterOpLayout',
  alterBy(
    'nn.dense',
    { 'dense_pack.x86': packedDense, 'dense_int8.x86': byteDense },
    undefined,
    openDense,
  ) as never,
)
