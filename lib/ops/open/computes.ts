import { compute, reduceAxis, sum, type Tensor } from '../../ir/te.js'
import {
  add,
  all,
  cast,
  constant,
  type ExprLike,
  eq,
  floordiv,
  floormod,
  ge,
  ifThenElse,
  lt,
  max,
  min,
  mul,
  type PrimExpr,
  sub,
} from '../../ir/tir.js'
import { getGlobalFunc } from '../../runtime/index.js'
import { border, int, ints, outDtype } from '../attrs.js'
import { slicedExtents } from '../shapes/arrange.js'
import { broadcast } from '../shapes/elementwise.js'
import { reached, windows } from '../shapes/products.js'
import { index } from '../shapes/shape-function.js'
import { type Attrs, OpPattern, registerPattern } from '../strategy.js'
import { CONVOLUTION, OUTPUTS_LAST, registerOpen, registerOpenOnly } from './open.js'

const theTensor = (value: Tensor | undefined) => value as Tensor

/**
 * The extents of a result in terms of the input's: those of the type are names that nothing gives a value in a fused function whose own
 * result has other names.
 */
function boundExtents(
  result: readonly ExprLike[],
  input: Tensor,
  found: (axis: number) => ExprLike,
): ExprLike[] {
  const dtype = (input.dims[0] as PrimExpr).dtype
  return result.map((given, axis) => (typeof given === 'number' ? given : cast(index(found(axis)), dtype)))
}

for (const name of ['softmax', 'fast_softmax']) {
  registerOpen(`nn.${name}`, (attrs, [x]) => [
    getGlobalFunc('topi.nn.softmax')(theTensor(x), int(attrs, 'axis')) as Tensor,
  ])
}

/** Where an element of a result of these extents comes from in a tensor that was broadcast to it. */
function broadcastIndices(x: Tensor, indices: readonly PrimExpr[]): (PrimExpr | number)[] {
  const ahead = indices.length - x.dims.length
  return x.extents.map((dim, axis) => {
    const at = indices[ahead + axis] as PrimExpr
    if (dim === 1) return 0
    return typeof dim === 'number' ? at : ifThenElse(eq(dim, 1), constant(0, at.dtype), at)
  })
}
const broadcastTo = (_attrs: Attrs, [x]: Tensor[], result: readonly ExprLike[]) => [
  compute([...result], (...at) => theTensor(x).at(...broadcastIndices(theTensor(x), at)), {
    name: 'T_broadcast_to',
    tag: 'broadcast',
  }),
]
registerOpen('broadcast_to', broadcastTo)
registerOpenOnly('dyn.broadcast_to', broadcastTo)
registerOpenOnly('dyn.tile', (_attrs, [x], result) => {
  const input = theTensor(x)
  return [
    compute(
      [...result],
      (...at) => input.at(...at.map((i, axis) => floormod(i, input.dims[axis] as PrimExpr))),
      {
        name: 'T_tile',
        tag: 'broadcast',
      },
    ),
  ]
})
for (const op of ['dyn.full', 'dyn.ones', 'dyn.zeros', 'dyn.reshape']) registerOpenOnly(op, undefined)

/** A place of a slice moved to the nearest one inside of an axis. */
function inside(place: PrimExpr, length: PrimExpr, stride: PrimExpr): PrimExpr {
  const wrapped = ifThenElse(lt(place, 0), add(place, length), place)
  const zero = constant(0, wrapped.dtype)
  return ifThenElse(lt(stride, 0), min(wrapped, sub(length, 1)), min(max(wrapped, zero), length))
}
const wide = (value: PrimExpr) => cast(value, 'int64')

registerOpen('strided_slice', (attrs, [x], result) => {
  const input = theTensor(x)
  const extents = slicedExtents(attrs, input.extents)
  const shape = boundExtents(result, input, (axis) => extents[axis] as ExprLike)
  const [begin, strides, axes] = ['begin', 'strides', 'axes'].map((name) => ints(attrs, name)) as number[][]
  return [
    compute(
      shape,
      (...at) =>
        input.at(
          ...at.map((i, axis) => {
            const nth = axes?.length
              ? axes.findIndex((each) => (each + at.length) % at.length === axis)
              : axis
            const from = begin?.[nth]
            if (nth < 0 || from === undefined) return i
            const stride = attrs.get('slice_mode') === 'size' ? 1 : (strides?.[nth] ?? strides?.[0] ?? 1)
            const start = inside(
              constant(from, 'int64'),
              wide(input.dims[axis] as PrimExpr),
              constant(stride, 'int64'),
            )
            return add(start, mul(wide(i), stride))
          }),
        ),
      { name: 'T_strided_slice', tag: 'injective' },
    ),
  ]
})
registerOpenOnly('dyn.strided_slice', (_attrs, inputs, result) => {
  const [input, begin, , strides] = inputs as [Tensor, Tensor, Tensor, Tensor]
  return [
    compute(
      [...result],
      (...at) =>
        input.at(
          ...at.map((i, axis) => {
            const stride = wide(strides.at(axis))
            const start = inside(wide(begin.at(axis)), wide(input.dims[axis] as PrimExpr), stride)
            return add(start, mul(wide(i), stride))
          }),
        ),
      { name: 'T_dynamic_strided_slice', tag: 'injective' },
    ),
  ]
})

/** Products of matrices batch by batch: a [B or 1, M, K] and b [B or 1, N, K], or either with its last axes exchanged. */
registerOpen('nn.batch_matmul', (attrs, inputs, result) => {
  const [a, b] = inputs as [Tensor, Tensor]
  const [turnA, turnB] = ['transpose_a', 'transpose_b'].map((name) => Boolean(attrs.get(name)))
  const dtype = outDtype(attrs, a.dtype)
  const k = reduceAxis(a.dims[turnA ? 1 : 2] as PrimExpr, 'k')
  const batch = (x: Tensor, n: PrimExpr) => broadcastIndices(x, [n, n, n])[0] as PrimExpr
  const [extentsA, extentsB] = [a.extents, b.extents] as [ExprLike[], ExprLike[]]
  const own = [
    () => broadcast([extentsA[0] as ExprLike], [extentsB[0] as ExprLike])[0],
    () => extentsA[turnA ? 2 : 1],
    () => extentsB[turnB ? 1 : 2],
  ]
  return [
    compute(
      boundExtents(result, a, (axis) => own[axis]?.() as ExprLike),
      (...at) => {
        const [n, i, j] = at as [PrimExpr, PrimExpr, PrimExpr]
        const left = turnA ? a.at(batch(a, n), k.var, i) : a.at(batch(a, n), i, k.var)
        const right = turnB ? b.at(batch(b, n), j, k.var) : b.at(batch(b, n), k.var, j)
        return sum(mul(cast(left, dtype), cast(right, dtype)), [k])
      },
      { name: 'batch_matmul', tag: 'batch_matmul' },
    ),
  ]
})
registerOpen('nn.dense', (attrs, inputs) => {
  const [data, weight] = inputs as [Tensor, Tensor]
  const dtype = outDtype(attrs, data.dtype)
  const k = reduceAxis(weight.dims[1] as PrimExpr, 'k')
  return [
    compute(
      [...data.extents.slice(0, -1), weight.extents[0] as ExprLike],
      (...at) => {
        const value = cast(data.at(...at.slice(0, -1), k.var), dtype)
        return sum(mul(value, cast(weight.at(at.at(-1) as PrimExpr, k.var), dtype)), [k])
      },
      { name: 'dense', tag: 'dense_nopack' },
    ),
  ]
})

/** Dense layers whose weights are in blocks of columns: [columns / block, depth, block]. */
registerOpen('nn.contrib_dense_pack', (attrs, inputs) => {
  const [data, weight] = inputs as [Tensor, Tensor]
  const [blocks, depth, block] = weight.shape as [number, number, number]
  const dtype = outDtype(attrs, data.dtype)
  const k = reduceAxis(depth, 'k')
  return [
    compute(
      [data.extents[0] as ExprLike, blocks * block],
      (...at) => {
        const [row, column] = at as [PrimExpr, PrimExpr]
        const weigh = weight.at(floordiv(column, block), k.var, floormod(column, block))
        return sum(mul(cast(data.at(row, k.var), dtype), cast(weigh, dtype)), [k])
      },
      { name: 'dense', tag: OUTPUTS_LAST, attrs: { axis: 1, block } },
    ),
  ]
})

/**
 * Convolution of any spatial rank: data [N, C, ...], weight [K, C/groups, ...], or [..., C, K] where the filters are last.
 */
function convolution(attrs: Attrs, inputs: Tensor[], result: readonly ExprLike[]): Tensor[] {
  const [data, weight] = inputs as [Tensor, Tensor]
  const isLast = String(attrs.get('kernel_layout')).endsWith('IO')
  const extents = weight.extents
  const [filters, perGroup, ...kernel] = (
    isLast ? [...extents.slice(-2).reverse(), ...extents.slice(0, -2)] : extents
  ) as [ExprLike, ExprLike, ...ExprLike[]]
  const [strides, dilation] = [ints(attrs, 'strides'), ints(attrs, 'dilation')]
  const { before, after } = border(attrs, kernel.length)
  const groups = int(attrs, 'groups')
  const dtype = outDtype(attrs, data.dtype)
  const bordered = [...before, ...after].some((width) => width > 0)
  const padded = bordered ? padZero(data, before, after) : data
  const channel = reduceAxis(perGroup, 'ic')
  const window = kernel.map((length, i) => reduceAxis(length, `k${i}`))
  const shape = boundExtents(result, data, (axis) => {
    const i = axis - 2
    if (i < 0) return axis === 0 ? (data.extents[0] as ExprLike) : filters
    return windows(data.extents[axis] as ExprLike, kernel[i] as ExprLike, {
      stride: strides[i] ?? 1,
      dilation: dilation[i] ?? 1,
      padding: (before[i] ?? 0) + (after[i] ?? 0),
    })
  })
  return [
    compute(
      shape,
      (...indices) => {
        const [batch, filter, ...at] = indices as [PrimExpr, PrimExpr, ...PrimExpr[]]
        const group =
          groups === 1
            ? undefined
            : floordiv(filter, typeof filters === 'number' ? filters / groups : floordiv(filters, groups))
        const from = group ? add(mul(group, perGroup), channel.var) : channel.var
        const where = at.map((o, i) => {
          const step = (window[i] as (typeof window)[0]).var
          return add(mul(o, strides[i] ?? 1), mul(step, dilation[i] ?? 1))
        })
        const value = padded.at(batch, from, ...where)
        const steps = window.map((k) => k.var)
        const weigh = isLast
          ? weight.at(...steps, channel.var, filter)
          : weight.at(filter, channel.var, ...steps)
        const product = mul(cast(value, dtype), cast(weigh, dtype))
        return sum(product, isLast ? [...window, channel] : [channel, ...window])
      },
      isLast ? { name: 'conv', tag: OUTPUTS_LAST, attrs: { axis: 1 } } : { name: 'conv', tag: CONVOLUTION },
    ),
  ]
}

/** Zeros around the spatial axes. */
function padZero(data: Tensor, before: readonly number[], after: readonly number[]): Tensor {
  const shape = data.extents.map((length, axis) => {
    const more = (before[axis - 2] ?? 0) + (after[axis - 2] ?? 0)
    return typeof length === 'number' ? length + more : more === 0 ? length : add(length, more)
  })
  return compute(
    shape,
    (...indices) => {
      const conditions: PrimExpr[] = []
      const source = indices.map((index, axis) => {
        const front = before[axis - 2] ?? 0
        if (front === 0 && (after[axis - 2] ?? 0) === 0) return index
        const at = sub(index, front)
        conditions.push(ge(at, 0), lt(at, data.dims[axis] as PrimExpr))
        return at
      })
      return ifThenElse(all(...conditions), data.at(...source), constant(0, data.dtype))
    },
    { name: 'data_pad', tag: 'pad' },
  )
}

/** Transposed convolution: data [N, C, ...], weight [C, K/groups, ...]; each result gathers what reaches it. */
function transposedConvolution(attrs: Attrs, inputs: Tensor[], result: readonly ExprLike[]): Tensor[] {
  const [data, weight] = inputs as [Tensor, Tensor]
  const [channels, perGroup, ...kernel] = weight.shape as [number, number, ...number[]]
  const strides = ints(attrs, 'strides')
  const { before } = border(attrs, kernel.length)
  const groups = int(attrs, 'groups')
  const dtype = outDtype(attrs, data.dtype)
  const channel = reduceAxis(channels / groups, 'ic')
  const window = kernel.map((length, i) => reduceAxis(length, `k${i}`))
  const shape = boundExtents(result, data, (axis) => {
    if (axis < 2) return axis === 0 ? (data.extents[0] as ExprLike) : perGroup * groups
    return reached(data.extents[axis] as ExprLike, kernel[axis - 2] as number, attrs, axis - 2)
  })
  return [
    compute(
      shape,
      (...indices) => {
        const [batch, filter, ...at] = indices as [PrimExpr, PrimExpr, ...PrimExpr[]]
        const from = add(mul(floordiv(filter, perGroup), channels / groups), channel.var)
        const conditions: PrimExpr[] = []
        const where = at.map((o, i) => {
          const stride = strides[i] ?? 1
          const reached = sub(add(o, before[i] ?? 0), (window[i] as (typeof window)[0]).var)
          const place = floordiv(reached, stride)
          conditions.push(ge(reached, 0), lt(place, data.dims[2 + i] as PrimExpr))
          if (stride > 1) conditions.push(eq(floormod(reached, stride), 0))
          return place
        })
        const weigh = weight.at(from, floormod(filter, perGroup), ...window.map((k) => k.var))
        const product = mul(cast(data.at(batch, from, ...where), dtype), cast(weigh, dtype))
        return sum(ifThenElse(all(...conditions), product, constant(0, dtype)), [channel, ...window])
      },
      { name: 'conv_transpose', tag: CONVOLUTION },
    ),
  ]
}
for (const rank of [1, 2, 3]) {
  registerOpen(`nn.conv${rank}d`, convolution)
  registerOpen(`nn.conv${rank}d_transpose`, transposedConvolution)
}

// The library knows no patterns for these.
registerPattern('dyn.ones', OpPattern.ELEMWISE)
registerPattern('dyn.zeros', OpPattern.ELEMWISE)
