import type { Tensor } from '../../ir/te.js'
import {
  add,
  cast,
  constant,
  div,
  type ExprLike,
  eq,
  floordiv,
  gt,
  ifThenElse,
  lt,
  max,
  min,
  mul,
  type PrimExpr,
  sub,
} from '../../ir/tir.js'
import { extent } from '../../ir/type.js'
import type { TvmArray, TvmValue } from '../../runtime/index.js'
import { int, ints } from '../attrs.js'
import type { Attrs } from '../strategy.js'
import {
  type Extents,
  extentsIn,
  index,
  productOf,
  registerShape,
  type ShapeContext,
} from './shape-function.js'

const first = ({ shapes: [x] }: ShapeContext): Extents => x ?? []
const at = (extents: Extents, axis: number): ExprLike => extents.at(axis) ?? 1
/** An axis counted from the front. */
const front = (axis: number, rank: number) => (axis < 0 ? axis + rank : axis)

/** The extents that a reshape comes to: 0 keeps an extent and -1 stands for what is left. */
function reshaped(data: Extents, wanted: readonly PrimExpr[], allowZero: boolean): Extents {
  const kept = wanted.map((extent, axis) =>
    allowZero || axis >= data.length ? extent : ifThenElse(eq(extent, 0), index(at(data, axis)), extent),
  )
  const known = productOf(kept.map((extent) => ifThenElse(lt(extent, 0), constant(1, 'int64'), extent)))
  const rest = floordiv(productOf(data), max(known, constant(1, 'int64')))
  return kept.map((extent) => ifThenElse(lt(extent, 0), rest, extent))
}
registerShape('reshape', (context) => {
  const wanted = ints(context.attrs, 'newshape').map(index)
  return [reshaped(first(context), wanted, Boolean(context.attrs.get('allowzero')))]
})
registerShape(
  'dyn.reshape',
  (context) => {
    const wanted = extentsIn(context.tensors[1] as Tensor).map(index)
    return [reshaped(first(context), wanted, Boolean(context.attrs.get('allowzero')))]
  },
  [1],
)

registerShape('expand_dims', (context) => {
  const x = first(context)
  const axis = front(int(context.attrs, 'axis'), x.length + 1)
  return [[...x.slice(0, axis), ...new Array(int(context.attrs, 'num_newaxis')).fill(1), ...x.slice(axis)]]
})
registerShape('squeeze', (context) => {
  const x = first(context)
  const gone = ints(context.attrs, 'axis').map((axis) => front(axis, x.length))
  return [x.filter((_, axis) => !gone.includes(axis))]
})
registerShape('transpose', (context) => {
  const x = first(context)
  const axes = ints(context.attrs, 'axes')
  return [axes.length === 0 ? [...x].reverse() : axes.map((axis) => at(x, axis))]
})
registerShape('nn.batch_flatten', (context) => {
  const [batch = 1, ...rest] = first(context)
  return [[batch, productOf(rest)]]
})
registerShape('concatenate', ({ attrs, shapes }) => {
  const [x = []] = shapes
  const axis = front(int(attrs, 'axis'), x.length)
  const total = shapes.map((shape) => index(at(shape, axis))).reduce((sum, each) => add(sum, each))
  return [x.map((extent, each) => (each === axis ? total : extent))]
})
registerShape('stack', ({ attrs, shapes }) => {
  const [x = []] = shapes
  const axis = front(int(attrs, 'axis'), x.length + 1)
  return [[...x.slice(0, axis), shapes.length, ...x.slice(axis)]]
})
registerShape('split', (context) => {
  const { attrs, ranks } = context
  const x = first(context)
  const axis = front(int(attrs, 'axis'), x.length)
  const length = index(at(x, axis))
  const given = attrs.get('indices_or_sections')
  const places = isArray(given) ? given.toArray().map((each) => index(extent(each))) : undefined
  return ranks.map((_, i) => {
    const part = places
      ? sub(places[i] ?? length, places[i - 1] ?? constant(0, 'int64'))
      : floordiv(length, ranks.length)
    return x.map((extent, each) => (each === axis ? part : extent))
  })
})
function isArray(value: TvmValue): value is TvmArray<TvmValue> {
  return typeof value === 'object' && value !== null && 'toArray' in value
}

registerShape('tile', (context) => {
  const x = first(context)
  const reps = ints(context.attrs, 'reps')
  const rank = Math.max(x.length, reps.length)
  const back = (list: Extents, axis: number) => list[axis - rank + list.length] ?? 1
  return [Array.from({ length: rank }, (_, axis) => mul(index(back(x, axis)), index(back(reps, axis))))]
})
registerShape(
  'dyn.tile',
  (context) => {
    const reps = extentsIn(context.tensors[1] as Tensor)
    return [first(context).map((extent, axis) => mul(index(extent), index(at(reps, axis))))]
  },
  [1],
)
registerShape('repeat', (context) => {
  const x = first(context)
  const axis = front(int(context.attrs, 'axis'), x.length)
  const times = int(context.attrs, 'repeats')
  return [x.map((extent, each) => (each === axis ? mul(index(extent), times) : extent))]
})
registerShape('nn.pad', (context) => {
  const widths = (context.attrs.get('pad_width') as TvmArray<TvmArray<TvmValue>>).toArray()
  return [
    first(context).map((length, axis) =>
      (widths[axis]?.toArray() ?? []).map(extent).reduce((sum, width) => add(sum, width), index(length)),
    ),
  ]
})
registerShape(
  'dyn.nn.pad',
  (context) => {
    const [, widths] = context.tensors as [Tensor, Tensor]
    return [
      first(context).map((length, axis) =>
        add(add(index(length), index(widths.at(axis, 0))), index(widths.at(axis, 1))),
      ),
    ]
  },
  [1],
)

/** How many elements a slice has; ends outside count as the nearest place inside. */
function sliced(length: PrimExpr, begin: PrimExpr, end: PrimExpr, stride: PrimExpr): PrimExpr {
  const zero = constant(0, 'int64')
  const wrap = (place: PrimExpr) => ifThenElse(lt(place, 0), add(place, length), place)
  const [from, to] = [wrap(begin), wrap(end)]
  const forward = floordiv(
    sub(add(sub(min(to, length), min(max(from, zero), length)), stride), constant(1, 'int64')),
    ifThenElse(gt(stride, 0), stride, constant(1, 'int64')),
  )
  const start = min(from, sub(length, 1))
  const beyond = max(to, constant(-1, 'int64'))
  const back = sub(zero, stride)
  const backward = floordiv(
    sub(add(sub(start, beyond), back), constant(1, 'int64')),
    ifThenElse(gt(back, 0), back, constant(1, 'int64')),
  )
  return max(ifThenElse(gt(stride, 0), forward, backward), zero)
}
registerShape('strided_slice', (context) => [slicedExtents(context.attrs, first(context))])

/** The extents of a slice of given places, of a tensor of these extents. */
export function slicedExtents(attrs: Attrs, x: Extents): Extents {
  const [begin, end, strides] = ['begin', 'end', 'strides'].map((name) => ints(attrs, name))
  const given = ints(attrs, 'axes')
  const axes = given.length > 0 ? given.map((axis) => front(axis, x.length)) : (begin ?? []).map((_, i) => i)
  const sizes = attrs.get('slice_mode') === 'size'
  return x.map((length, axis) => {
    const i = axes.indexOf(axis)
    const from = begin?.[i]
    if (i < 0 || from === undefined) return length
    const size = end?.[i]
    const whole = index(length)
    if (sizes) return size === undefined || size < 0 ? sub(whole, from) : size
    return sliced(
      whole,
      index(from),
      size === undefined ? whole : index(size),
      index(strides?.[i] ?? strides?.[0] ?? 1),
    )
  })
}
registerShape(
  'dyn.strided_slice',
  (context) => {
    const [, begin, end, strides] = context.tensors as [Tensor, Tensor, Tensor, Tensor]
    return [
      first(context).map((length, axis) =>
        sliced(index(length), index(begin.at(axis)), index(end.at(axis)), index(strides.at(axis))),
      ),
    ]
  },
  [1, 2, 3],
)

registerShape('take', ({ attrs, shapes: [x = [], indices = []] }) => {
  const given = attrs.get('axis')
  if (given === null) return [indices]
  const axis = front(extent(given), x.length)
  const batch = front(int(attrs, 'batch_dims'), indices.length)
  return [[...x.slice(0, axis), ...indices.slice(batch), ...x.slice(axis + 1)]]
})
registerShape('gather', ({ shapes: [, indices = []] }) => [indices])
registerShape('gather_nd', ({ shapes: [x = [], indices = []], ranks: [rank = 0] }) => {
  const points = indices.slice(1)
  const rest = rank - points.length
  return [[...points, ...x.slice(x.length - Math.max(rest, 0))]]
})
registerShape('one_hot', ({ attrs, shapes: [indices = []] }) => {
  const axis = front(int(attrs, 'axis'), indices.length + 1)
  return [[...indices.slice(0, axis), int(attrs, 'depth'), ...indices.slice(axis)]]
})
registerShape(
  'arange',
  ({ tensors }) => {
    const [start, stop, step] = tensors.map((tensor) => tensor.at()) as [PrimExpr, PrimExpr, PrimExpr]
    const float = start.dtype.startsWith('float')
    const span = sub(stop, start)
    const zero = constant(0, 'int64')
    if (!float) {
      const wide = [span, step].map((each) => cast(each, 'int64')) as [PrimExpr, PrimExpr]
      const count = sub(zero, floordiv(sub(zero, wide[0]), wide[1]))
      return [[max(count, zero)]]
    }
    const quotient = div64(span, step)
    const whole = cast(quotient, 'int64')
    const up = ifThenElse(lt(cast(whole, 'float64'), quotient), add(whole, 1), whole)
    return [[max(up, zero)]]
  },
  [0, 1, 2],
)
function div64(a: PrimExpr, b: PrimExpr): PrimExpr {
  return div(cast(a, 'float64'), cast(b, 'float64'))
}
