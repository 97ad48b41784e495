import { createSchedule, type Tensor } from '../../ir/te.js'
import { floordiv, floormod, type PrimExpr } from '../../ir/tir.js'
import type { TvmObject } from '../../runtime/index.js'
import { type Attrs, registerStrategy } from '../strategy.js'
import { worthThreads } from './schedule-util.js'

export interface ExternContext {
  readonly outType: TvmObject
  /** Whether a loop over that many elements in all should run on several threads. */
  parallel(work: number): boolean
}

/** Registers an operator that is written as statements, which leave nothing to schedule. */
export function registerExtern(
  op: string,
  compute: (attrs: Attrs, inputs: Tensor[], context: ExternContext) => Tensor[],
): void {
  registerStrategy(op, ({ target }) => [
    {
      name: `${op}.generic`,
      compute: (attrs, inputs, outType) =>
        compute(attrs, inputs, { outType, parallel: (work) => worthThreads(work, target) }),
      schedule: (_attrs, outputs) => createSchedule(outputs),
    },
  ])
}

/** The indices of element number `flat`, in row-major order, of a tensor of `shape`. */
export function unravel(flat: PrimExpr, shape: readonly number[]): PrimExpr[] {
  let rest = flat
  const indices: PrimExpr[] = []
  for (const extent of [...shape].reverse()) {
    indices.unshift(floormod(rest, extent))
    rest = floordiv(rest, extent)
  }
  return indices
}

/** The indices of element `k` of row number `row`, where rows run along `axis`. */
export function alongAxis(
  shape: readonly number[],
  axis: number,
  row: PrimExpr,
): (k: PrimExpr | number) => (PrimExpr | number)[] {
  const others = unravel(
    row,
    shape.filter((_, a) => a !== axis),
  )
  return (k) => [...others.slice(0, axis), k, ...others.slice(axis)]
}
