import type { Target } from '../../ir/target.js'
import { compute, createSchedule, reduceAxis, type Schedule, sum, type Tensor } from '../../ir/te.js'
import { cast, floordiv, floormod, type IterVar, mul, type PrimExpr } from '../../ir/tir.js'
import type { TvmObject } from '../../runtime/index.js'
import { outDtype } from '../attrs.js'
import { inlineInjective, largestDivisor, scheduleElementwise } from './schedule-util.js'
import { divisors } from './tiling.js'

/** Dense layer: data [M, K], weight [N, K], result [M, N]. */
export function dense(attrs: TvmObject, [data, weight]: readonly Tensor[]): Tensor[] {
  if (!data || !weight) return []
  const dtype = outDtype(attrs, data.dtype)
  const k = reduceAxis(data.dims[1] as PrimExpr, 'k')
  const element = (i: PrimExpr, j: PrimExpr) =>
    sum(mul(cast(data.at(i, k.var), dtype), cast(weight.at(j, k.var), dtype)), [k])
  return [
    compute([data.dims[0] as PrimExpr, weight.dims[0] as PrimExpr], element as never, {
      name: 'dense',
      tag: 'dense_nopack',
    }),
  ]
}

/** Dense layer with weights in blocks: weight [N/b, K, b] (layout `NC[b]n`). */
export function densePacked(attrs: TvmObject, [data, weight]: readonly Tensor[]): Tensor[] {
  if (!data || !weight) return []
  const dtype = outDtype(attrs, data.dtype)
  const [chunks, depth, block] = weight.shape as [number, number, number]
  const k = reduceAxis(depth, 'k')
  const element = (i: PrimExpr, j: PrimExpr) =>
    sum(
      mul(
        cast(data.at(i, k.var), dtype),
        cast(weight.at(floordiv(j, block), k.var, floormod(j, block)), dtype),
      ),
      [k],
    )
  return [
    compute([data.dims[0] as PrimExpr, chunks * block], element as never, {
      name: 'dense_pack',
      tag: 'dense_pack',
    }),
  ]
}

/** Columns per block: whole vectors, several of them so that the sums do not wait for each other. */
export function denseBlock(columns: number, target: Target): number {
  const lanes = target.simdLanes32
  const candidates = divisors(columns).filter((d) => d % lanes === 0 && d <= 8 * lanes)
  const best = candidates.filter((d) => d <= 6 * lanes).at(-1) ?? candidates.at(-1)
  return best ?? largestDivisor(columns, 2 * lanes)
}

/** A tile of rows by one block of columns is summed in registers, then finished by what follows. */
export function scheduleDensePacked(outputs: readonly Tensor[], target: Target): Schedule {
  const schedule = createSchedule(outputs)
  const rest = inlineInjective(schedule, outputs)
  const product = rest.find((op) => op.tag === 'dense_pack')
  const output = rest[0]
  if (!product || !output) return schedule
  const weight = product.inputs.map((input) => input.shape).find((shape) => shape.length === 3) as number[]
  const block = weight[2] as number
  const rows = largestDivisor(
    product.output().shape[0] as number,
    Math.max(1, Math.floor((12 * target.simdLanes32) / block)),
  )
  const accumulator = schedule.cacheWrite(product.output())
  const isLast = output.sameAs(product)
  const sameShape = output.axis.length === 2
  const stage = schedule.stage(isLast || !sameShape ? product : output)
  if (!isLast && sameShape) schedule.stage(product).computeInline()
  const [y, x] = stage.op.axis as [IterVar, IterVar]
  const [yo, yi] = stage.split(y, rows)
  const [xo, xi] = stage.split(x, block)
  stage.reorder(xo, yo, yi, xi)
  const outer = stage.fuse(xo, yo)
  const lanes = target.simdLanes32
  if (target.vectorises) {
    stage.parallel(outer)
    if (block % lanes === 0 && block > lanes) stage.vectorize(stage.split(xi, lanes)[1])
    else stage.vectorize(xi)
  }
  const sums = schedule.stage(accumulator)
  const [cy, cx] = sums.op.axis as [IterVar, IterVar]
  const [k] = sums.op.reduceAxis as [IterVar]
  sums.reorder(k, cy, cx)
  if (target.vectorises) {
    sums.unroll(cy)
    if (block % lanes === 0 && block > lanes) {
      const [vectors, lane] = sums.split(cx, lanes)
      sums.unroll(vectors)
      sums.vectorize(lane)
    } else sums.vectorize(cx)
  }
  sums.computeAt(stage, outer)
  if (!isLast && !sameShape) scheduleElementwise(schedule, output, target)
  return schedule
}
