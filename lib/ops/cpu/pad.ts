import { compute, type Tensor } from '../../ir/te.js'
import {
  all,
  cast,
  constant,
  eq,
  floordiv,
  floormod,
  ge,
  ifThenElse,
  likely,
  lt,
  type PrimExpr,
  sub,
} from '../../ir/tir.js'
import { extent } from '../../ir/type.js'
import { getGlobalFunc, type TvmArray, type TvmValue } from '../../runtime/index.js'
import { registerCompute } from '../strategy.js'

/** Tag of the stages made here; a schedule inlines them or gives them a loop nest. */
export const PAD = 'injective,pad'

export interface Padding {
  /** Zeros before the first and after the last element of each of `axes`; negative numbers cut elements off. */
  readonly before: readonly number[]
  readonly after: readonly number[]
  /** Default those from the third on. */
  readonly axes?: readonly number[] | undefined
  /** Distance of neighbours, with zeros between them; default 1 on each axis. */
  readonly apart?: readonly number[]
  /** Lets loops that are not vectors be partitioned into borders and inside; for where the padding is computed in place. */
  readonly partition?: boolean
}

/** Zeros around the spatial axes of `data`; the tensor itself where none are asked for. */
export function pad(
  data: Tensor,
  { before, after, axes = before.map((_, i) => 2 + i), apart, partition = false }: Padding,
): Tensor {
  const steps = before.map((_, i) => apart?.[i] ?? 1)
  if ([...before, ...after].every((n) => n === 0) && steps.every((step) => step === 1)) return data
  const shape = [...data.shape]
  for (const [i, front] of before.entries()) {
    const axis = axes[i] as number
    const length = shape[axis] as number
    shape[axis] = front + (length - 1) * (steps[i] as number) + 1 + (after[i] as number)
  }
  return compute(
    shape,
    (...indices) => {
      const source = [...indices]
      const conditions: PrimExpr[] = []
      for (const [i, front] of before.entries()) {
        const axis = axes[i] as number
        const step = steps[i] as number
        const at = sub(indices[axis] as PrimExpr, front)
        conditions.push(ge(at, 0), lt(at, ((data.shape[axis] as number) - 1) * step + 1))
        if (step > 1) conditions.push(eq(floormod(at, step), 0))
        source[axis] = step > 1 ? floordiv(at, step) : at
      }
      const inside = all(...conditions)
      return ifThenElse(partition ? likely(inside) : inside, data.at(...source), constant(0, data.dtype))
    },
    { name: 'data_pad', tag: PAD },
  )
}

/** Output positions of a window that moves over `size` elements and `border` zeros. */
export function windowCount(
  size: number,
  kernel: number,
  { stride = 1, dilation = 1, border = 0 }: { stride?: number; dilation?: number; border?: number },
): number {
  return Math.floor((size + border - (kernel - 1) * dilation - 1) / stride) + 1
}

/** Relay's own operator, whose borders are loops of their own wherever a loop over the axis is no vector. */
registerCompute('nn.pad', (attrs, [data, value]) => {
  const x = data as Tensor
  const widths = (attrs.get('pad_width') as TvmArray<TvmArray<TvmValue>>)
    .toArray()
    .map((each) => each.toArray().map(extent))
  if (attrs.get('pad_mode') !== 'constant' || [...x.shape, ...widths.flat()].some((length) => length < 0)) {
    const [before, after] = [0, 1].map((end) => widths.map((width) => width[end] as number))
    const fill = cast(value?.at() ?? constant(0, x.dtype), x.dtype)
    return [getGlobalFunc('topi.nn.pad')(x, before, after, fill, attrs.get('pad_mode')) as Tensor]
  }
  const shape = x.shape.map((length, i) => length + (widths[i]?.[0] ?? 0) + (widths[i]?.[1] ?? 0))
  const element = (...indices: PrimExpr[]) => {
    const conditions: PrimExpr[] = []
    const source = indices.map((index, axis) => {
      const [front = 0, back = 0] = widths[axis] ?? []
      if (front === 0 && back === 0) return index
      const at = sub(index, front)
      if (front > 0) conditions.push(ge(at, 0))
      if (back > 0) conditions.push(lt(at, x.shape[axis] as number))
      return at
    })
    if (conditions.length === 0) return x.at(...source)
    const fill = cast(value?.at() ?? constant(0, x.dtype), x.dtype)
    return ifThenElse(all(...conditions.map(likely)), x.at(...source), fill)
  }
  return [compute(shape, element, { name: 'T_pad', tag: 'injective,pad' })]
})
