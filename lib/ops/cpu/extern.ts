import { createSchedule, type Tensor } from '../../ir/te.js'
import { type ExprLike, floordiv, floormod, mul, type PrimExpr } from '../../ir/tir.js'
import { extent, TupleType, UNKNOWN_DIM } from '../../ir/type.js'
import type { TvmArray, TvmObject } from '../../runtime/index.js'
import { type Attrs, registerStrategy } from '../strategy.js'
import { worthThreads } from './schedule-util.js'

export interface ExternContext {
  readonly outType: TvmObject
  /** Whether a loop over that many elements in all should run on several threads; never where the number is not known. */
  parallel(work: ExprLike): boolean
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
        compute(attrs, inputs, {
          outType,
          parallel: (work) => typeof work === 'number' && worthThreads(work, target),
        }),
      schedule: (_attrs, outputs) => createSchedule(outputs),
    },
  ])
}

/** The product of extents: a number where all of them are. */
export function productOf(extents: readonly ExprLike[]): ExprLike {
  return extents.reduce<ExprLike>(
    (total, each) =>
      typeof total === 'number' && typeof each === 'number' ? total * each : mul(total as PrimExpr, each),
    1,
  )
}

/** The indices of element number `flat`, in row-major order, of a tensor of `shape`. */
export function unravel(flat: PrimExpr, shape: readonly ExprLike[]): PrimExpr[] {
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
  shape: readonly ExprLike[],
  axis: number,
  row: PrimExpr,
): (k: PrimExpr | number) => (PrimExpr | number)[] {
  const others = unravel(
    row,
    shape.filter((_, a) => a !== axis),
  )
  return (k) => [...others.slice(0, axis), k, ...others.slice(axis)]
}

/** Extents of the first tensor of a result. */
export function outputExtents(outType: TvmObject): ExprLike[] {
  const first = outType instanceof TupleType ? (outType.fields[0] as TvmObject) : outType
  return (first.get('shape') as TvmArray<PrimExpr>)
    .toArray()
    .map((dim) => (extent(dim) === UNKNOWN_DIM ? dim : extent(dim)))
}
