import type { Target } from '../../ir/target.js'
import {
  compute,
  createSchedule,
  placeholder,
  reduceAxis,
  type Schedule,
  sum,
  type Tensor,
} from '../../ir/te.js'
import { add, cast, floordiv, floormod, type IterVar, mul, type PrimExpr } from '../../ir/tir.js'
import type { Config } from '../../schedule-config/config.js'
import { ConfigEntity } from '../../schedule-config/config-entity.js'
import { split } from '../../schedule-config/knob.js'
import { divisors } from '../../schedule-config/split-space.js'
import { registerTemplate } from '../../schedule-config/template.js'
import { tensorArg } from '../../schedule-config/workload.js'
import { DOT, dotLanes, dotProduct, dotScratch } from './dot-product.js'
import {
  areWorthThreads,
  inlineInjective,
  largestDivisor,
  scheduleElementwise,
  vectorizeLanes,
} from './schedule-util.js'

const BYTES = 'dense_int8'

/** Whether bytes of these operands, data [M, K] and weight [N, K], are multiplied four at a time. */
export function isByteDense([data, weight]: readonly Tensor[], target: Target): boolean {
  if (weight?.dtype !== 'int8' || data?.dtype !== target.dotProductData) return false
  const [columns, depth] = weight.shape as [number, number]
  return weight.shape.length === 4 || (weight.shape.length === 2 && columns % DOT === 0 && depth % DOT === 0)
}

/**
 * Columns per block of weights: so many vectors that their sums do not wait for each other; with several rows fewer, as rows
 * are summed together too.
 */
export function byteDenseBlock(rows: number, columns: number, target: Target): number {
  const lanes = dotLanes(columns, target)
  const registers = target.vectorRegisters
  const most = rows === 1 ? registers / 2 - 4 : 4
  return lanes * (divisors(columns / lanes).findLast((vectors) => vectors <= most) ?? 1)
}

/**
 * Dense layer of bytes: data [M, K] (unsigned for x86), weight [N/b, K/4, b, 4] signed (layout `NC[b]n4c`), result [M, N] in int32.
 * Arguments: data, weight, null, output type. Weights in the plain layout [N, K] are a task by itself.
 */
export const denseInt8 = registerTemplate({
  name: 'dense_int8.x86',
  compute(config, args, target) {
    const [data, given] = args as [Tensor, Tensor]
    const [rows, depth] = data.shape as [number, number]
    config.defineSplit('tile_y', rows)
    const plain = given.shape.length === 2
    const columns = (given.shape[0] as number) * (plain ? 1 : (given.shape[2] as number))
    const block = plain ? byteDenseBlock(rows, columns, target) : (given.shape[2] as number)
    const weight = plain ? placeholder([columns / block, depth / DOT, block, DOT], 'int8', 'weight') : given
    const quad = reduceAxis(depth / DOT, 'quad')
    const k = reduceAxis(DOT, 'k')
    const element = (i: PrimExpr, chunk: PrimExpr, lane: PrimExpr) => {
      const value = data.at(i, add(mul(quad.var, DOT), k.var))
      const weigh = weight.at(chunk, quad.var, lane, k.var)
      return sum(mul(cast(value, 'int32'), cast(weigh, 'int32')), [quad, k])
    }
    const blocks = compute([rows, columns / block, block], element as never, { name: BYTES, tag: BYTES })
    const at = (i: PrimExpr, j: PrimExpr) => blocks.at(i, floordiv(j, block), floormod(j, block))
    return [compute([rows, columns], at as never, { name: 'columns', tag: 'injective,columns' })]
  },
  schedule: (config, outputs, target) => scheduleDenseInt8(config, outputs, target),
  defaults(args, target) {
    const [rows = 1] = tensorArg(args[0])?.shape ?? []
    const [columns = 1, , given] = tensorArg(args[1])?.shape ?? []
    const block = given ?? byteDenseBlock(rows, columns, target)
    const lanes = dotLanes(block, target)
    const registers = target.vectorRegisters - 3 - dotScratch(lanes, target)
    return ConfigEntity.of({
      tile_y: split(-1, largestDivisor(rows, Math.max(1, Math.floor(registers / (block / lanes))))),
    })
  },
})

/** A tile of rows by one block of columns is summed in registers, then finished by what follows. */
function scheduleDenseInt8(config: Config, outputs: readonly Tensor[], target: Target): Schedule {
  const schedule = createSchedule(outputs)
  const [output] = outputs.map(({ op }) => op)
  const isPlain = output?.axis.length === 2
  const rest = inlineInjective(schedule, outputs, (op) => !isPlain && op.name === 'columns')
  const product = rest.find((op) => op.tag === BYTES)
  const result = isPlain ? output : rest.find((op) => op.name === 'columns')
  if (!product || !output || !result) return schedule
  const block = product.axis[2]?.extent as number
  const lanes = dotLanes(block, target)
  const sums = schedule.cacheWrite(product.output())
  schedule.stage(product).computeInline()
  const stage = schedule.stage(result)
  const [y, x] = result.axis as [IterVar, IterVar]
  const [yo, yi] = stage.split(y, config.inner('tile_y'))
  const [xo, xi] = stage.split(x, block)
  stage.reorder(xo, yo, yi, xi)
  const outer = stage.fuse(xo, yo)
  vectorizeLanes(stage, xi, block, lanes)
  if (areWorthThreads(product)) stage.parallel(outer)
  const inner = schedule.stage(sums)
  const [i, chunk, lane] = inner.op.axis as [IterVar, IterVar, IterVar]
  const [quad, k] = inner.op.reduceAxis as [IterVar, IterVar]
  const [vector, last] = inner.split(lane, lanes)
  inner.reorder(chunk, quad, i, vector, last, k)
  inner.unroll(i)
  inner.unroll(vector)
  inner.tensorize(last, dotProduct(lanes, target))
  inner.computeAt(stage, outer)
  if (!isPlain) scheduleElementwise(schedule, output, target)
  return schedule
}
