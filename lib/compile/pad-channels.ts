import { foldConstant } from '../ir/fold-constant.js'
import { Call, Constant, call, callOp, constant, type Expr, type Func, Op, typeOf } from '../ir/relay.js'
import { rewrite } from '../ir/rewrite.js'
import type { Target } from '../ir/target.js'
import { TensorType } from '../ir/type.js'
import { int, ints, text } from '../ops/attrs.js'
import { largestDivisor } from '../ops/cpu/schedule-util.js'

/** How much faster a kernel must get, and those that read its result may lose of it, for padding to pay. */
const LEAST_GAIN = 1.2
/** Inputs are shared by pairs of vectors, which makes them this much faster. */
const LARGEST_EXCESS = 1.1

/** A value with more channels than it should have, those after the real ones finite. */
interface Wide {
  readonly value: Expr
  /** Real ones and all. */
  readonly channels: number
  readonly padded: number
  readonly rank: number
}

/** Operators that treat each channel by itself and make finite numbers of zero. */
const unary = new Set(
  `abs cast ceil clip erf exp floor negative round sigmoid sqrt tanh trunc nn.relu nn.leaky_relu nn.max_pool2d nn.avg_pool2d
 nn.global_max_pool2d nn.global_avg_pool2d nn.adaptive_max_pool2d nn.adaptive_avg_pool2d copy`.split(/\s+/),
)
const binary = new Set(['add', 'subtract', 'multiply', 'maximum', 'minimum'])

/**
 * Rounds numbers of channels up to whole vectors where they would leave most of one empty: 1000 or 58, on 16 lanes. Weights get
 * rows of zeros, what is element by element goes along, and channels are cut off where an operator looks at them.
 */
export function padChannels(main: Func, target: Target): Func {
  if (!target.vectorises) return main
  return new Padding(target.simdLanes32).run(main)
}

class Padding {
  /** By the address of the narrow value that stands in the graph. */
  private readonly wide = new Map<number, Wide>()
  /** What has an address above, which must not be given to another. */
  private readonly kept: Expr[] = []

  constructor(private readonly lanes: number) {}

  run(main: Func): Func {
    return rewrite(main, (expr) => {
      if (!(expr instanceof Call) || !(expr.op instanceof Op)) return expr
      const wide = this.widen(expr, expr.op.name)
      return wide ? this.narrow(wide) : expr
    })
  }

  private widen(expr: Call, name: string): Wide | undefined {
    if (name === 'nn.conv2d') return this.convolution(expr)
    if (name === 'nn.dense') return this.dense(expr)
    if (unary.has(name)) return this.unary(expr)
    if (name === 'nn.bias_add') return this.biasAdd(expr)
    return binary.has(name) ? this.binary(expr) : undefined
  }

  /** The channels that a kernel should compute: whole pairs of vectors where they cost little more than whole vectors. */
  private rounded(channels: number): number {
    const [single, pair] = [this.lanes, 2 * this.lanes].map((unit) => Math.ceil(channels / unit) * unit) as [
      number,
      number,
    ]
    const padded = pair <= LARGEST_EXCESS * single ? pair : single
    const [now, then] = [largestDivisor(channels, this.lanes) / this.lanes, channels / padded]
    return (then / now) * then >= LEAST_GAIN ? padded : channels
  }

  private convolution(expr: Call): Wide | undefined {
    const [data, weight] = expr.args as [Expr, Expr]
    const { attrs } = expr
    const plain = text(attrs, 'data_layout') === 'NCHW' && text(attrs, 'kernel_layout') === 'OIHW'
    if (!plain || !isFloat(weight)) return undefined
    const [filters, perGroup, r, s] = weight.data.shape as [number, number, number, number]
    const from = this.wide.get(data.address)
    const groups = int(attrs, 'groups')
    const depthwise = groups > 1 && groups === filters && perGroup === 1
    if (groups > 1 && (!depthwise || !from || from.channels !== filters)) return undefined
    const outputs = depthwise ? (from as Wide).padded : this.rounded(filters)
    const inputs = depthwise ? 1 : (from?.padded ?? perGroup)
    if (outputs === filters && inputs === perGroup) return undefined
    const value = call('nn.conv2d', [from?.value ?? data, grown(weight, [outputs, inputs, r, s])], {
      strides: ints(attrs, 'strides'),
      padding: ints(attrs, 'padding'),
      dilation: ints(attrs, 'dilation'),
      groups: depthwise ? outputs : 1,
      channels: outputs,
      kernel_size: [r, s],
      data_layout: 'NCHW',
      kernel_layout: 'OIHW',
      out_layout: text(attrs, 'out_layout'),
      out_dtype: text(attrs, 'out_dtype'),
    })
    return { value, channels: filters, padded: outputs, rank: 4 }
  }

  private dense(expr: Call): Wide | undefined {
    const [data, weight] = expr.args as [Expr, Expr]
    if (!isFloat(weight) || rankOf(data) !== 2) return undefined
    const [columns, depth] = weight.data.shape as [number, number]
    const from = this.wide.get(data.address)
    const [outputs, inputs] = [this.rounded(columns), from?.padded ?? depth]
    if (outputs === columns && inputs === depth) return undefined
    const value = call('nn.dense', [from?.value ?? data, grown(weight, [outputs, inputs])], {
      units: outputs,
      out_dtype: text(expr.attrs, 'out_dtype'),
    })
    return { value, channels: columns, padded: outputs, rank: 2 }
  }

  private unary(expr: Call): Wide | undefined {
    const from = this.wide.get((expr.args[0] as Expr).address)
    if (!from || (/pool/.test((expr.op as Op).name) && text(expr.attrs, 'layout') !== 'NCHW'))
      return undefined
    return { ...from, value: again(expr, [from.value]) }
  }

  private biasAdd(expr: Call): Wide | undefined {
    const [data, bias] = expr.args as [Expr, Expr]
    const from = this.wide.get(data.address)
    if (!from || int(expr.attrs, 'axis') !== 1 || !isFloat(bias)) return undefined
    return { ...from, value: again(expr, [from.value, grown(bias, [from.padded])]) }
  }

  private binary(expr: Call): Wide | undefined {
    const args = expr.args as [Expr, Expr]
    const from = args.map((arg) => this.wide.get(arg.address)).find((wide) => wide !== undefined)
    if (!from) return undefined
    const operands = args.map((arg) => this.operand(arg, from))
    if (operands.some((operand) => operand === undefined)) return undefined
    return { ...from, value: again(expr, operands as Expr[]) }
  }

  /** An operand beside a wide one, which must fit it: wide alike, or the same for all channels, or constant. */
  private operand(arg: Expr, beside: Wide): Expr | undefined {
    const wide = this.wide.get(arg.address)
    if (wide) return wide.rank === beside.rank && wide.channels === beside.channels ? wide.value : undefined
    const type = typeOf(arg)
    if (!(type instanceof TensorType) || type.shape.length > beside.rank) return undefined
    const axis = type.shape.length - beside.rank + 1
    if (axis < 0 || type.shape[axis] === 1) return arg
    if (!isFloat(arg) || type.shape[axis] !== beside.channels) return undefined
    return grown(
      arg,
      type.shape.map((dim, i) => (i === axis ? beside.padded : dim)),
    )
  }

  /** The value as others know it; without a cut where it is as wide as it should be. */
  private narrow(wide: Wide): Expr {
    const { value, channels, padded } = wide
    if (channels === padded) return value
    const cut = call('strided_slice', [value], {
      begin: [0],
      end: [channels],
      strides: [1],
      slice_mode: 'end',
      axes: [1],
    })
    this.kept.push(cut)
    this.wide.set(cut.address, wide)
    return cut
  }
}

function isFloat(expr: Expr): expr is Constant {
  return expr instanceof Constant && /^float/.test(expr.data.dtype)
}

function rankOf(expr: Expr): number {
  const type = typeOf(expr)
  return type instanceof TensorType ? type.shape.length : -1
}

function again(expr: Call, args: readonly Expr[]): Expr {
  return callOp(expr.op, args, expr.attrs)
}

/** A constant in the first corner of zeros. */
function grown(weight: Constant, shape: readonly number[]): Expr {
  const { shape: own, dtype } = weight.data
  if (own.every((dim, i) => dim === shape[i])) return weight
  const pad_width = own.map((dim, i) => [0, (shape[i] as number) - dim])
  return foldConstant(call('nn.pad', [weight, constant(0, dtype)], { pad_width, pad_mode: 'constant' }))
}
