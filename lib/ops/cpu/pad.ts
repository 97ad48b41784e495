import { compute, type Tensor } from '../../ir/te.js'
import {
  all,
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

/** Tag of the stages made here; a schedule inlines them or gives them a loop nest. */
export const PAD = 'injective,pad'

export interface Padding {
  /** Zeros before the first and after the last element of each axis from the third on; negative numbers cut elements off. */
  readonly before: readonly number[]
  readonly after: readonly number[]
  /** Distance of neighbours, with zeros between them; default 1 on each axis. */
  readonly apart?: readonly number[]
  /** Lets loops that are not vectors be partitioned into borders and inside; for where the padding is computed in place. */
  readonly partition?: boolean
}

/** Zeros around the spatial axes of `data`; the tensor itself where none are asked for. */
export function pad(data: Tensor, { before, after, apart, partition = false }: Padding): Tensor {
  const steps = before.map((_, i) => apart?.[i] ?? 1)
  if ([...before, ...after].every((n) => n === 0) && steps.every((step) => step === 1)) return data
  const shape = [...data.shape]
  for (const [i, front] of before.entries()) {
    const length = shape[2 + i] as number
    shape[2 + i] = front + (length - 1) * (steps[i] as number) + 1 + (after[i] as number)
  }
  return compute(
    shape,
    (...indices) => {
      const source = [...indices]
      const conditions: PrimExpr[] = []
      for (const [i, front] of before.entries()) {
        const axis = 2 + i
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
