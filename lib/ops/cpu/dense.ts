import type { Target } from '../../ir/target.js'
import { compute, createSchedule, reduceAxis, type Schedule, sum, type Tensor } from '../../ir/te.js'
import {
  add,
  cast,
  constant,
  floordiv,
  floormod,
  type IterVar,
  ifThenElse,
  lt,
  mul,
  type PrimExpr,
} from '../../ir/tir.js'
import { getGlobalFunc, type TvmObject } from '../../runtime/index.js'
import { outDtype } from '../attrs.js'
import { registerStrategy } from '../strategy.js'
import { schedulePlain } from './convolution.js'
import { inlineInjective, isParallelWork, largestDivisor, scheduleElementwise } from './schedule-util.js'
import { divisors } from './tiling.js'

/** Tag of products whose second operand is in blocks of columns; the extent of a block is attribute `block`. */
const PACKED = 'packed_product'
const PACK = 'injective,pack'

/** Columns per block: whole vectors, several of them so that the sums do not wait for each other. */
export function denseBlock(columns: number, target: Target): number {
  const lanes = target.simdLanes32
  const candidates = divisors(columns).filter((d) => d % lanes === 0 && d <= 8 * lanes)
  const best = candidates.filter((d) => d <= 6 * lanes).at(-1) ?? candidates.at(-1)
  return best ?? largestDivisor(columns, 2 * lanes)
}

/** Dense layer: data [M, K], weight [N, K], result [M, N]. */
function dense(attrs: TvmObject, [data, weight]: readonly Tensor[]): Tensor[] {
  if (!data || !weight) return []
  const dtype = outDtype(attrs, data.dtype)
  const k = reduceAxis(data.dims[1] as PrimExpr, 'k')
  const element = (i: PrimExpr, j: PrimExpr) =>
    sum(mul(cast(data.at(i, k.var), dtype), cast(weight.at(j, k.var), dtype)), [k])
  const shape = [data.dims[0] as PrimExpr, weight.dims[0] as PrimExpr]
  return [compute(shape, element as never, { name: 'dense', tag: 'dense_nopack' })]
}

/** Dense layer with weights in blocks: weight [N/b, K, b] (layout `NC[b]n`). */
function densePacked(attrs: TvmObject, [data, weight]: readonly Tensor[]): Tensor[] {
  if (!data || !weight) return []
  const dtype = outDtype(attrs, data.dtype)
  const [chunks, depth, block] = weight.shape as [number, number, number]
  const k = reduceAxis(depth, 'k')
  const element = (i: PrimExpr, j: PrimExpr) => {
    const weigh = weight.at(floordiv(j, block), k.var, floormod(j, block))
    return sum(mul(cast(data.at(i, k.var), dtype), cast(weigh, dtype)), [k])
  }
  const shape = [data.dims[0] as PrimExpr, chunks * block]
  return [compute(shape, element as never, { name: 'dense_pack', tag: PACKED, attrs: { block } })]
}

/**
 * Products of matrices batch by batch: a [B or 1, M, K] and b [B or 1, N, K], or either with its last two axes exchanged.
 * The second operand is packed into blocks of columns first, filled up with zeros.
 */
function batchMatmul(target: Target): (attrs: TvmObject, inputs: readonly Tensor[]) => Tensor[] {
  return (attrs, [a, b]) => {
    if (!a || !b) return []
    const dtype = outDtype(attrs, a.dtype)
    const [transposeA, transposeB] = [Boolean(attrs.get('transpose_a')), Boolean(attrs.get('transpose_b'))]
    const [batchA, a1, a2] = a.shape as [number, number, number]
    const [batchB, b1, b2] = b.shape as [number, number, number]
    const [rows, depth, columns] = [transposeA ? a2 : a1, transposeA ? a1 : a2, transposeB ? b1 : b2]
    const lanes = target.simdLanes32
    const fitting = denseBlock(columns, target)
    const block = fitting % lanes === 0 ? fitting : Math.min(2, Math.ceil(columns / lanes)) * lanes
    const packed = compute(
      [batchB, Math.ceil(columns / block), depth, block],
      (...index) => {
        const [n, chunk, k, lane] = index as [PrimExpr, PrimExpr, PrimExpr, PrimExpr]
        const j = add(mul(chunk, block), lane)
        const value = transposeB ? b.at(n, j, k) : b.at(n, k, j)
        return columns % block === 0 ? value : ifThenElse(lt(j, columns), value, constant(0, b.dtype))
      },
      { name: 'packed', tag: PACK },
    )
    const k = reduceAxis(depth, 'k')
    const product = compute(
      [Math.max(batchA, batchB), rows, columns],
      (...index) => {
        const [n, i, j] = index as [PrimExpr, PrimExpr, PrimExpr]
        const fromA = batchA === 1 ? 0 : n
        const x = transposeA ? a.at(fromA, k.var, i) : a.at(fromA, i, k.var)
        const y = packed.at(batchB === 1 ? 0 : n, floordiv(j, block), k.var, floormod(j, block))
        return sum(mul(cast(x, dtype), cast(y, dtype)), [k])
      },
      { name: 'batch_matmul', tag: PACKED, attrs: { block } },
    )
    return [product]
  }
}

/** A tile of rows by one block of columns is summed in registers, then finished by what follows. */
function schedulePacked(outputs: readonly Tensor[], target: Target): Schedule {
  const schedule = createSchedule(outputs)
  const rest = inlineInjective(schedule, outputs, (op) => op.tag === PACK)
  const product = rest.find((op) => op.tag === PACKED)
  const output = rest[0]
  if (!product || !output) return schedule
  for (const op of rest) if (op.tag === PACK) scheduleElementwise(schedule, op, target)
  const block = Number(product.attrs.get('block'))
  const accumulator = schedule.cacheWrite(product.output())
  const isLast = output.sameAs(product)
  const sameShape = output.axis.length === product.axis.length
  // Where the result changes its shape at once (a reshape, say), the product keeps a nest of its own.
  const stage = schedule.stage(isLast || !sameShape ? product : output)
  if (!isLast && sameShape) schedule.stage(product).computeInline()
  const axes = stage.op.axis
  const [y, x] = axes.slice(-2) as [IterVar, IterVar]
  const rows = rowTile(y.extent, block, target)
  const [yo, yi] = stage.split(y, rows)
  const [xo, xi] = stage.split(x, block)
  const batch = axes.slice(0, -2)
  const whole = x.extent % block === 0
  stage.reorder(...batch, ...(whole ? [xo, yo] : [yo, xo]), yi, xi)
  // A last block that is not full is split off its loop, which therefore stays a loop of its own.
  const outer = stage.fuse(...batch, ...(whole ? [xo, yo] : [yo]))
  if (target.vectorises) {
    if (isParallelWork([...product.axis, ...product.reduceAxis])) stage.parallel(outer)
    vectorizeBlock(stage, xi, block, target)
  }
  scheduleSums(schedule, accumulator, block, target)
  schedule.stage(accumulator).computeAt(stage, whole ? outer : xo)
  if (!isLast && !sameShape) scheduleElementwise(schedule, output, target)
  return schedule
}

type Stage = ReturnType<Schedule['stage']>

function vectorizeBlock(stage: Stage, axis: IterVar, block: number, target: Target): void {
  const lanes = target.simdLanes32
  if (block % lanes !== 0 || block === lanes) {
    stage.vectorize(axis)
    return
  }
  const [vectors, lane] = stage.split(axis, lanes)
  stage.unroll(vectors)
  stage.vectorize(lane)
}

function scheduleSums(schedule: Schedule, accumulator: Tensor, block: number, target: Target): void {
  const stage = schedule.stage(accumulator)
  const [y, x] = stage.op.axis.slice(-2) as [IterVar, IterVar]
  const [k] = stage.op.reduceAxis as [IterVar]
  stage.reorder(...stage.op.axis.slice(0, -2), k, y, x)
  if (!target.vectorises) return
  stage.unroll(y)
  vectorizeBlock(stage, x, block, target)
}

/** Rows summed together: as many as registers allow beside one block of columns. */
function rowTile(rows: number, block: number, target: Target): number {
  const registers = target.simdLanes32 === 16 ? 28 : 12
  const most = Math.max(1, Math.floor((registers * target.simdLanes32) / block))
  return largestDivisor(rows, most)
}

const packed = {
  tunable: true,
  schedule: (_attrs: TvmObject, outs: Tensor[], target: Target) => schedulePacked(outs, target),
}
const plain = {
  tunable: true,
  schedule: (_attrs: TvmObject, outs: Tensor[], target: Target) => schedulePlain(outs, target),
}

registerStrategy('nn.dense', () => [{ name: 'dense.generic', compute: dense, ...plain }])
registerStrategy('nn.contrib_dense_pack', () => [{ name: 'dense_pack.x86', compute: densePacked, ...packed }])
registerStrategy('nn.batch_matmul', ({ target }) => [
  { name: 'batch_matmul.x86', compute: batchMatmul(target), ...packed },
])
registerStrategy('nn.matmul', () => [
  {
    name: 'matmul.generic',
    compute: (attrs, [a, b]) => {
      const turned = ['transpose_a', 'transpose_b'].map((name) => Boolean(attrs.get(name)))
      return [getGlobalFunc('topi.matmul')(a as Tensor, b as Tensor, ...turned) as Tensor]
    },
    ...plain,
  },
])
