import { type Call, Constant, call, type Expr } from '../../ir/relay.js'
import type { Target } from '../../ir/target.js'
import {
  compute,
  createSchedule,
  type Operation,
  reduceAxis,
  type Schedule,
  sum,
  type Tensor,
} from '../../ir/te.js'
import {
  add,
  all,
  constant,
  eq,
  floordiv,
  floormod,
  type IterVar,
  lt,
  mul,
  type PrimExpr,
  select,
} from '../../ir/tir.js'
import { winogradMatrices } from '../../ir/winograd.js'
import type { TvmObject } from '../../runtime/index.js'
import { tensorPlainArg, type Workload } from '../../schedule-config/workload.js'
import { border, int, ints, outDtype, text } from '../attrs.js'
import { type Implementation, registerStrategy } from '../strategy.js'
import { conv2dNCHWc } from './conv2d-nchwc.js'
import { PAD, pad } from './pad.js'
import {
  elements,
  inlineInjective,
  isParallelWork,
  scheduleElementwise,
  vectorizeBlock,
  worthThreads,
} from './schedule-util.js'
import { channelBlock, registerTile } from './tiling.js'
import { TAPS, tileCounts, winogradTile } from './winograd.js'

const WITHOUT_TRANSFORM = 'nn.contrib_conv2d_winograd_without_weight_transform'
const TAG = 'conv2d_winograd'

/** Row `index` of `matrix` times the values; known as soon as loops over `index` are unrolled. */
function rowTimes(
  matrix: readonly (readonly number[])[],
  index: PrimExpr,
  value: (column: number) => PrimExpr,
  dtype: string,
): PrimExpr {
  const rows = matrix.map((row) =>
    row.reduce<PrimExpr | undefined>((total, factor, column) => {
      if (factor === 0) return total
      const term = factor === 1 ? value(column) : mul(value(column), constant(factor, dtype))
      return total ? add(total, term) : term
    }, undefined),
  ) as PrimExpr[]
  const last = rows.at(-1) as PrimExpr
  return rows.slice(0, -1).reduceRight<PrimExpr>((rest, row, i) => select(eq(index, i), row, rest), last)
}

/**
 * Convolution with windows of 3x3 by Winograd's algorithm, in blocked layouts: data [N, C/ib, H, W, ib], transformed weight
 * [m + 2, m + 2, K/ob, C, ob], result [N, K/ob, H', W', ob]. Tiles of the data are transformed, all tiles together are
 * multiplied by the weights, one product of matrices for each element of a tile, and the products are transformed back.
 */
function convolution(attrs: TvmObject, [data, weight]: readonly Tensor[]): Tensor[] {
  if (!data || !weight) return []
  const m = int(attrs, 'tile_size')
  const e = m + TAPS - 1
  const { before, after } = border(attrs, 2)
  const [n, chunks, height, width, ib] = data.shape as [number, number, number, number, number]
  const [, , filterChunks, depth, ob] = weight.shape as [number, number, number, number, number]
  const [p, q] = [height, width].map(
    (extent, i) => extent + (before[i] as number) + (after[i] as number) - TAPS + 1,
  ) as [number, number]
  const [rows, columns] = tileCounts({ batch: n, inputs: depth, filters: 0, height: p, width: q }, m)
  const { dtype } = data
  const filled = pad(data, {
    before,
    after: [
      rows * m + TAPS - 1 - height - (before[0] as number),
      columns * m + TAPS - 1 - width - (before[1] as number),
    ],
  })
  const { input, output } = winogradMatrices(m, TAPS)
  const tiles = n * rows * columns
  const place = (tile: PrimExpr) => ({
    image: floordiv(tile, rows * columns),
    row: floormod(floordiv(tile, columns), rows),
    column: floormod(tile, columns),
  })
  const columnsDone = compute(
    [tiles, chunks, e, e, ib],
    (...index) => {
      const [t, c, y, x, lane] = index as [PrimExpr, PrimExpr, PrimExpr, PrimExpr, PrimExpr]
      const { image, row, column } = place(t)
      const value = (at: number) => filled.at(image, c, add(mul(row, m), at), add(mul(column, m), x), lane)
      return rowTimes(input, y, value, dtype)
    },
    { name: 'input_columns', tag: `${TAG}_input_columns` },
  )
  const transformed = compute(
    [e, e, tiles, chunks, ib],
    (...index) => {
      const [y, x, t, c, lane] = index as [PrimExpr, PrimExpr, PrimExpr, PrimExpr, PrimExpr]
      return rowTimes(input, x, (at) => columnsDone.at(t, c, y, at, lane), dtype)
    },
    { name: 'input_tiles', tag: `${TAG}_input_tiles` },
  )
  const chunk = reduceAxis(chunks, 'ic_chunk')
  const block = reduceAxis(ib, 'ic_block')
  const products = compute(
    [e, e, filterChunks, tiles, ob],
    (...index) => {
      const [y, x, k, t, lane] = index as [PrimExpr, PrimExpr, PrimExpr, PrimExpr, PrimExpr]
      const channel = add(mul(chunk.var, ib), block.var)
      return sum(mul(transformed.at(y, x, t, chunk.var, block.var), weight.at(y, x, k, channel, lane)), [
        chunk,
        block,
      ])
    },
    { name: 'products', tag: `${TAG}_products` },
  )
  const rowsDone = compute(
    [filterChunks, tiles, e, m, ob],
    (...index) => {
      const [k, t, y, x, lane] = index as [PrimExpr, PrimExpr, PrimExpr, PrimExpr, PrimExpr]
      return rowTimes(output, x, (at) => products.at(y, at, k, t, lane), dtype)
    },
    { name: 'output_rows', tag: `${TAG}_output_rows` },
  )
  const whole = compute(
    [filterChunks, tiles, m, m, ob],
    (...index) => {
      const [k, t, y, x, lane] = index as [PrimExpr, PrimExpr, PrimExpr, PrimExpr, PrimExpr]
      return rowTimes(output, y, (at) => rowsDone.at(k, t, at, x, lane), dtype)
    },
    { name: 'output_tiles', tag: `${TAG}_output_tiles` },
  )
  const result = compute(
    [n, filterChunks, p, q, ob],
    (...index) => {
      const [image, k, y, x, lane] = index as [PrimExpr, PrimExpr, PrimExpr, PrimExpr, PrimExpr]
      const tile = add(mul(add(mul(image, rows), floordiv(y, m)), columns), floordiv(x, m))
      const [row, column] = [floormod(y, m), floormod(x, m)]
      // Always the first one. The other has tiles computed whole, beyond the last row and column too: loops are unrolled.
      const corner = whole.at(k, tile, m - 1, m - 1, lane)
      return select(all(lt(row, m), lt(column, m)), whole.at(k, tile, row, column, lane), corner)
    },
    { name: 'conv2d_winograd', tag: TAG, attrs: { tile: m } },
  )
  return [result]
}

function scheduleWinograd(outputs: readonly Tensor[], target: Target): Schedule {
  const schedule = createSchedule(outputs)
  const rest = inlineInjective(schedule, outputs, (op) => op.tag === PAD)
  const find = (tag: string) => rest.find((op) => op.tag === tag)
  const [columns, inputs, products, rows, tiles] = [
    'input_columns',
    'input_tiles',
    'products',
    'output_rows',
    'output_tiles',
  ].map((name) => find(`${TAG}_${name}`))
  const [output, result, padded] = [rest[0], find(TAG), find(PAD)]
  if (!output || !result || !columns || !inputs || !products || !rows || !tiles) return schedule
  if (padded) scheduleElementwise(schedule, padded, target)
  scheduleInputs(schedule, columns, inputs, target)
  scheduleProducts(schedule, products.output(), target)
  // Where the result changes its shape at once (a flatten, say), the convolution keeps a nest of its own.
  const sameShape = output.axis.length === result.axis.length
  const stage = schedule.stage(sameShape ? output : result)
  if (!output.sameAs(result) && sameShape) schedule.stage(result).computeInline()
  const m = Number(result.attrs.get('tile'))
  const [n, k, h, w, lane] = stage.op.axis as FiveAxes
  const [ho, hi] = stage.split(h, m)
  const [wo, wi] = stage.split(w, m)
  stage.reorder(n, k, ho, wo, hi, wi, lane)
  const outer = stage.fuse(n, k, ho)
  if (worthThreads(elements(result.axis), target)) stage.parallel(outer)
  vectorizeBlock(stage, lane, lane.extent, target)
  for (const op of [rows, tiles]) {
    const before = schedule.stage(op)
    const [, , y, x, inner] = op.axis as FiveAxes
    if (op === tiles) before.reorder(x, y, inner)
    before.unroll(op === tiles ? y : x)
    vectorizeBlock(before, inner, inner.extent, target)
    before.computeAt(stage, wo)
  }
  if (!output.sameAs(result) && !sameShape) scheduleElementwise(schedule, output, target)
  return schedule
}

type FiveAxes = [IterVar, IterVar, IterVar, IterVar, IterVar]

/** A tile of one chunk of channels is transformed after the other: its columns, then its rows. */
function scheduleInputs(schedule: Schedule, columns: Operation, inputs: Operation, target: Target): void {
  const stage = schedule.stage(inputs)
  const [y, x, t, c, lane] = inputs.axis as FiveAxes
  stage.reorder(t, c, y, x, lane)
  const outer = stage.fuse(t, c)
  if (worthThreads(elements(inputs.axis), target)) stage.parallel(outer)
  stage.unroll(x)
  vectorizeBlock(stage, lane, lane.extent, target)
  const before = schedule.stage(columns)
  const [, , row, column, inner] = columns.axis as FiveAxes
  before.reorder(column, row, inner)
  before.unroll(row)
  vectorizeBlock(before, inner, inner.extent, target)
  before.computeAt(stage, outer)
}

/** One product of matrices for each element of a tile: register tiles of tiles by channels, as in a convolution of 1x1. */
function scheduleProducts(schedule: Schedule, products: Tensor, target: Target): void {
  const [, , , tiles, block] = products.shape as [number, number, number, number, number]
  const { axis, reduceAxis: reduction } = products.op
  const work = elements([...axis, ...reduction])
  const { columns, channels } = registerTile({ width: tiles, block, depth: elements(reduction) }, target)
  const accumulator = schedule.cacheWrite(products)
  const stage = schedule.stage(products)
  const [y, x, k, t, lane] = stage.op.axis as FiveAxes
  const [to, ti] = stage.split(t, columns)
  const [lo, li] = stage.split(lane, channels)
  stage.reorder(y, x, k, to, lo, ti, li)
  const outer = stage.fuse(y, x, k)
  if (isParallelWork(work)) stage.parallel(outer)
  vectorizeBlock(stage, li, channels, target)
  const sums = schedule.stage(accumulator)
  const [sy, sx, sk, st, sl] = sums.op.axis as FiveAxes
  sums.reorder(sy, sx, sk, ...sums.op.reduceAxis, st, sl)
  sums.unroll(st)
  vectorizeBlock(sums, sl, channels, target)
  sums.computeAt(stage, lo)
}

const winograd: Implementation = {
  name: 'conv2d_winograd_NCHWc.x86',
  tunable: true,
  compute: convolution,
  schedule: (_attrs, outputs, target) => scheduleWinograd(outputs, target),
}
registerStrategy(WITHOUT_TRANSFORM, ({ attrs, inputs }) => [
  { ...winograd, standsFor: direct(attrs, inputs) },
])

/** The same convolution in the plain layout. */
function direct(attrs: TvmObject, [data, weight]: readonly Tensor[]): Workload {
  const [n, chunks, height, width, ib] = (data as Tensor).shape as [number, number, number, number, number]
  const inputs = chunks * ib
  const { dtype } = data as Tensor
  return {
    task: conv2dNCHWc.name,
    args: [
      tensorPlainArg([n, inputs, height, width], dtype),
      tensorPlainArg([int(attrs, 'channels'), inputs, TAPS, TAPS], (weight as Tensor).dtype),
      ...['strides', 'padding', 'dilation'].map((name) => ints(attrs, name)),
      'NCHW',
      'NCHW',
      outDtype(attrs, dtype),
    ],
  }
}

/**
 * A convolution in the plain layout as one by Winograd's algorithm, where that is faster: its weights, which must be constant,
 * are transformed while the network is built.
 */
export function alterToWinograd(
  attrs: TvmObject,
  [data, weight]: readonly Expr[],
  [batch, inputs, height, width]: readonly number[],
  target: Target,
): Call | null {
  if (!data || !(weight instanceof Constant) || !target.isX86 || !target.vectorises) return null
  const { shape, dtype } = weight.data
  const [filters, perGroup, r, s] = shape as [number, number, number, number]
  const { before, after } = border(attrs, 2)
  if (dtype !== 'float32' || r !== TAPS || s !== TAPS || perGroup !== inputs) return null
  if ([...ints(attrs, 'strides'), ...ints(attrs, 'dilation')].some((step) => step !== 1)) return null
  const [ib, ob] = [inputs, filters].map((channels) => channelBlock(channels as number, target)) as [
    number,
    number,
  ]
  if (ib % target.simdLanes32 !== 0 || ob % target.simdLanes32 !== 0) return null
  const [p, q] = [height as number, width as number].map(
    (extent, i) => extent + (before[i] as number) + (after[i] as number) - TAPS + 1,
  ) as [number, number]
  const m = winogradTile({ batch: batch as number, inputs, filters, height: p, width: q })
  if (m === undefined) return null
  const e = m + TAPS - 1
  const transformed = call('nn.contrib_conv2d_winograd_weight_transform', [weight], { tile_size: m })
  const apart = call('reshape', [transformed], { newshape: [e, e, filters / ob, ob, inputs] })
  const blocked = call('transpose', [apart], { axes: [0, 1, 2, 4, 3] })
  return call(WITHOUT_TRANSFORM, [data, blocked], {
    tile_size: m,
    strides: [1, 1],
    padding: [...before, ...after],
    dilation: [1, 1],
    groups: 1,
    channels: filters,
    kernel_size: [r, s],
    data_layout: `NCHW${ib}c`,
    kernel_layout: text(attrs, 'kernel_layout'),
    out_layout: `NCHW${ob}c`,
    out_dtype: text(attrs, 'out_dtype'),
  })
}
