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
import { getGlobalFunc, type TvmObject } from '../../runtime/index.js'
import { applySplit } from '../../schedule-config/apply.js'
import type { Config } from '../../schedule-config/config.js'
import { ConfigEntity } from '../../schedule-config/config-entity.js'
import { split } from '../../schedule-config/knob.js'
import { registerTemplate } from '../../schedule-config/template.js'
import { type PlainArg, type TemplateArg, tensorArg } from '../../schedule-config/workload.js'
import { outDtype } from '../attrs.js'
import { registerStrategy } from '../strategy.js'
import { templated } from '../templated.js'
import { schedulePlain } from './convolution.js'
import { denseInt8, isByteDense } from './dense-int8.js'
import { denseBlock, PACKED, rowTile, schedulePacked } from './packed-product.js'
import {
  elements,
  inlineInjective,
  isParallelWork,
  largestDivisor,
  scheduleElementwise,
} from './schedule-util.js'

/** Data [M, K] of a dense layer and the extents of its weights, be they [N, K] or in blocks [N/b, K, b]. */
function denseShape(args: readonly PlainArg[]): { rows: number; columns: number; depth: number } {
  const [rows = 1, depth = 1] = tensorArg(args[0])?.shape ?? []
  const weight = tensorArg(args[1])?.shape ?? []
  return { rows, depth, columns: (weight[0] ?? 1) * (weight[2] ?? 1) }
}

/** Rows that a tile is cut into at most (knob `tile_inner`). */
const MOST_INNER_ROWS = 16

/**
 * Dense layer with weights in blocks of columns: data [M, K], weight [N/b, K, b] (layout `NC[b]n`), result [M, N]. Arguments:
 * data, weight, null, output type. Weights in the plain layout [N, K] are a task by itself: ready-made blocks stand in their
 * place.
 */
export const densePack = registerTemplate({
  name: 'dense_pack.x86',
  compute(config, args) {
    const [data, given] = args as [Tensor, Tensor]
    const dtype = (args[3] as string) || data.dtype
    const [rows, depth] = data.shape as [number, number]
    const columns = (given.shape[0] as number) * (given.shape[2] ?? 1)
    config.defineSplit('tile_y', rows, { outputs: 3 })
    config.defineSplit('tile_x', columns, { outputs: 3 })
    config.defineSplit('tile_k', depth)
    config.defineSplit('tile_inner', rows, {
      filter: ({ factors }) => (factors.at(-1) as number) <= MOST_INNER_ROWS,
    })
    const width = config.inner('tile_x')
    const weight =
      given.shape.length === 3 ? given : placeholder([columns / width, depth, width], given.dtype, 'weight')
    const block = weight.shape[2] as number
    const k = reduceAxis(depth, 'k')
    const element = (i: PrimExpr, j: PrimExpr) => {
      const weigh = weight.at(floordiv(j, block), k.var, floormod(j, block))
      return sum(mul(cast(data.at(i, k.var), dtype), cast(weigh, dtype)), [k])
    }
    return [compute([rows, columns], element as never, { name: 'dense_pack', tag: PACKED, attrs: { block } })]
  },
  schedule: (config, outputs, target) => schedulePacked(config, outputs, target),
  defaults(args, target) {
    const { rows, columns, depth } = denseShape(args)
    const block = tensorArg(args[1])?.shape[2] ?? denseBlock(columns, target)
    const tile = rowTile(rows, block, target)
    return ConfigEntity.of({
      tile_y: split(-1, 1, tile),
      tile_x: split(-1, 1, block),
      tile_k: split(depth, 1),
      tile_inner: split(-1, tile),
    })
  },
})

/** Dense layer with weights as they are: data [M, K], weight [N, K]. Sums run along vectors of K. Arguments as `dense_pack.x86`. */
export const denseNoPack = registerTemplate({
  name: 'dense_nopack.x86',
  compute(config, args) {
    const [data, weight] = args as [Tensor, Tensor]
    const dtype = (args[3] as string) || data.dtype
    const [rows, depth] = data.shape as [number, number]
    const columns = weight.shape[0] as number
    config.defineSplit('tile_y', rows)
    config.defineSplit('tile_x', columns)
    config.defineSplit('tile_k', depth)
    const lanes = config.inner('tile_k')
    const steps = reduceAxis(depth / lanes, 'k')
    const partial = compute(
      [rows, columns, lanes],
      (...index) => {
        const [y, x, lane] = index as [PrimExpr, PrimExpr, PrimExpr]
        const k = add(mul(steps.var, lanes), lane)
        return sum(mul(cast(data.at(y, k), dtype), cast(weight.at(x, k), dtype)), [steps])
      },
      { name: 'partial', tag: 'dense_partial' },
    )
    const lane = reduceAxis(lanes, 'lane')
    const element = (y: PrimExpr, x: PrimExpr) => sum(partial.at(y, x, lane.var), [lane])
    return [compute([rows, columns], element as never, { name: 'dense', tag: 'dense_nopack' })]
  },
  schedule: (config, outputs, target) => scheduleNoPack(config, outputs, target),
  defaults(args, target) {
    const { rows, columns, depth } = denseShape(args)
    return ConfigEntity.of({
      tile_y: split(-1, largestDivisor(rows, 2)),
      tile_x: split(-1, largestDivisor(columns, 4)),
      tile_k: split(-1, largestDivisor(depth, 2 * target.simdLanes32)),
    })
  },
})

function scheduleNoPack(config: Config, outputs: readonly Tensor[], target: Target): Schedule {
  const schedule = createSchedule(outputs)
  const rest = inlineInjective(schedule, outputs)
  const dense = rest.find((op) => op.tag === 'dense_nopack')
  const partial = rest.find((op) => op.tag === 'dense_partial')
  const output = rest[0]
  if (!dense || !partial || !output) return schedule
  const stage = schedule.stage(dense)
  const [y, x] = dense.axis as [IterVar, IterVar]
  const [lane] = dense.reduceAxis as [IterVar]
  const [yo, yi] = applySplit(stage, y, config.split('tile_y')) as [IterVar, IterVar]
  const [xo, xi] = applySplit(stage, x, config.split('tile_x')) as [IterVar, IterVar]
  stage.reorder(yo, xo, yi, xi, lane)
  const outer = stage.fuse(yo, xo)
  const sums = schedule.stage(partial)
  sums.computeAt(stage, outer)
  const [py, px, vector] = partial.axis as [IterVar, IterVar, IterVar]
  const [steps] = partial.reduceAxis as [IterVar]
  sums.reorder(steps, py, px, vector)
  if (target.vectorises) {
    if (isParallelWork(elements([...dense.axis, lane, steps]))) stage.parallel(outer)
    stage.unroll(lane)
    if (vector.extent > 1) sums.vectorize(vector)
    const tile = sums.fuse(py, px)
    sums.unroll(tile)
  }
  if (!output.sameAs(dense)) scheduleElementwise(schedule, output, target)
  return schedule
}

/** Dense layer of shapes that are open: data [M, K], weight [N, K]. */
function dense(attrs: TvmObject, [data, weight]: readonly Tensor[]): Tensor[] {
  if (!data || !weight) return []
  const dtype = outDtype(attrs, data.dtype)
  const k = reduceAxis(data.dims[1] as PrimExpr, 'k')
  const element = (i: PrimExpr, j: PrimExpr) =>
    sum(mul(cast(data.at(i, k.var), dtype), cast(weight.at(j, k.var), dtype)), [k])
  const shape = [data.dims[0] as PrimExpr, weight.dims[0] as PrimExpr]
  return [compute(shape, element as never, { name: 'dense', tag: 'dense_nopack' })]
}

const plain = {
  tunable: true,
  schedule: (_attrs: TvmObject, outs: Tensor[], target: Target) => schedulePlain(outs, target),
}

function denseArgs(attrs: TvmObject, [data, weight]: readonly Tensor[]): TemplateArg[] {
  return [data as Tensor, weight as Tensor, null, outDtype(attrs, (data as Tensor).dtype)]
}
registerStrategy('nn.dense', ({ attrs, inputs, target }) => {
  const open = inputs.some(({ shape }) => shape.some((dim) => dim <= 0))
  if (open || (inputs[0] as Tensor).shape.length !== 2)
    return [{ name: 'dense.generic', compute: dense, ...plain }]
  const args = denseArgs(attrs, inputs)
  return [
    templated(denseNoPack, args, target, { plevel: 5 }),
    templated(densePack, args, target, { plevel: 10, onlyAltered: true }),
    ...(isByteDense(inputs, target)
      ? [templated(denseInt8, args, target, { plevel: 13, onlyAltered: true })]
      : []),
  ]
})
registerStrategy('nn.contrib_dense_pack', ({ attrs, inputs, target }) => [
  templated(isByteDense(inputs, target) ? denseInt8 : densePack, denseArgs(attrs, inputs), target),
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
