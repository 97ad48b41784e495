import type { Target } from '../../ir/target.js'
import { createSchedule, type Operation, type Schedule, type Stage, type Tensor } from '../../ir/te.js'
import type { IterVar } from '../../ir/tir.js'
import type { Config } from '../../schedule-config/config.js'
import { dotLanes, dotProduct, dotScratch } from './dot-product.js'
import {
  areWorthThreads,
  findTag,
  inlineInjective,
  scheduleElementwise,
  vectorizeLanes,
} from './schedule-util.js'
import { type RegisterTile, registerTile, type TileCase } from './tiling.js'

const BYTES = 'conv2d_NCHWc_int8'

/** As `registerTile`, for sums of products of bytes. */
export function byteTile(tile: Omit<TileCase, 'lanes' | 'scratch'>, target: Target): RegisterTile {
  const lanes = dotLanes(tile.block, target)
  return registerTile({ ...tile, lanes, scratch: dotScratch(lanes, target) }, target)
}

/** Columns that are summed together, be they of one row or of several. */
export function tileColumns(config: Config): number {
  return config.inner('tile_ow') * (config.has('tile_oh') ? (config.value('tile_oh') as number) : 1)
}

/**
 * A register tile of columns by channels is summed over the whole reduction and finished by what follows while still in
 * registers, so that sums of 32 bits never reach memory. Knobs: `tile_ow` columns (times `tile_oh` rows) a tile; `unroll_kw`
 * whether the window's columns are unrolled.
 */
export function scheduleConv2dInt8(config: Config, outputs: readonly Tensor[], target: Target): Schedule {
  const schedule = createSchedule(outputs)
  const convolution = findTag(outputs, BYTES)
  const [data] = convolution.inputs
  const [output] = inlineInjective(schedule, outputs, (op) => data !== undefined && op.sameAs(data.op)) as [
    Operation,
  ]
  if (data?.op.isCompute) scheduleCopy(schedule.stage(data), target)
  const block = convolution.axis.at(-1)?.extent as number
  const sums = schedule.cacheWrite(convolution.output())
  // Where the result changes its shape at once (a flatten, say), the convolution keeps a nest of its own.
  const fits = output.axis.length === 5 || output.sameAs(convolution)
  const stage = schedule.stage(fits ? output : convolution)
  if (fits && !output.sameAs(convolution)) schedule.stage(convolution).computeInline()
  const axes = stage.op.axis
  const lane = axes.at(-1) as IterVar
  // The rows of a 1x1 convolution are one long row.
  const isFlat = convolution.axis.length === 4
  const [outer, places] = isFlat
    ? [axes.slice(0, 2), axes.slice(2, -1)]
    : [axes.slice(0, 3), axes.slice(3, -1)]
  const column = stage.fuse(...places)
  const width = places.reduce((product, axis) => product * axis.extent, 1)
  const columns = Math.min(tileColumns(config), width)
  const { channels } = byteTile({ width, block, columns }, target)
  const [outerColumn, innerColumn] = stage.split(column, columns)
  const [outerLane, innerLane] = stage.split(lane, channels)
  stage.reorder(...outer, outerColumn, outerLane, innerColumn, innerLane)
  vectorizeLanes(stage, innerLane, channels, dotLanes(block, target))
  if (areWorthThreads(convolution)) {
    const pieces = outer.reduce((product, axis) => product * axis.extent, 1)
    // Fused with others, a last tile that is narrower would have no constant extent.
    if (pieces >= FEWEST_PIECES) stage.parallel(stage.fuse(...outer))
    else stage.parallel(width % columns === 0 ? stage.fuse(...outer, outerColumn) : outerColumn)
  }
  const unrollWindow = config.has('unroll_kw') && (config.value('unroll_kw') as boolean)
  scheduleSums(schedule.stage(sums), dotLanes(block, target), unrollWindow, target)
  schedule.stage(sums).computeAt(stage, outerLane)
  if (!fits) scheduleElementwise(schedule, output, target)
  return schedule
}

/** Fewer pieces of work are not shared evenly among threads. */
const FEWEST_PIECES = 4

function scheduleSums(stage: Stage, lanes: number, unrollWindow: boolean, target: Target): void {
  const { axis, reduceAxis: reduction } = stage.op
  const [chunk, y, x, quad, k] = reduction as [IterVar, IterVar, IterVar, IterVar, IterVar]
  const [column, channel] = axis.slice(-2) as [IterVar, IterVar]
  const [vector, lane] = stage.split(channel, lanes)
  const window = unrollWindow ? [chunk, y, quad, x] : [chunk, y, x, quad]
  stage.reorder(...axis.slice(0, -2), ...window, column, vector, lane, k)
  if (unrollWindow) stage.unroll(x)
  stage.unroll(column)
  stage.unroll(vector)
  stage.tensorize(lane, dotProduct(lanes, target))
}

/** Bytes that are copied sooner than another thread has begun. */
const BYTES_WORTH_A_THREAD = 2 ** 17

/** The data with its border: written once, before. */
function scheduleCopy(stage: Stage, target: Target): void {
  const { axis } = stage.op
  const last = axis.at(-1) as IterVar
  const bytes = axis.reduce((product, each) => product * each.extent, 1)
  if (last.extent > 1 && last.extent <= 64) stage.vectorize(last)
  if (target.vectorises && bytes >= BYTES_WORTH_A_THREAD) stage.parallel(stage.fuse(...axis.slice(0, 3)))
}
