import type { Tensor } from '../../ir/te.js'
import type { PrimExpr } from '../../ir/tir.js'
import { inverse } from '../axis-order.js'

/** A tensor as if its axes were in another order. */
export interface Reordered {
  readonly shape: readonly number[]
  at(...indices: readonly PrimExpr[]): PrimExpr
}

/** @param order - Of each axis to be, where the tensor has it: see `axisOrder`. */
export function reordered(tensor: Tensor, order: readonly number[]): Reordered {
  const places = inverse(order)
  return {
    shape: order.map((axis) => tensor.shape[axis] as number),
    at: (...indices) => tensor.at(...places.map((axis) => indices[axis] as PrimExpr)),
  }
}
