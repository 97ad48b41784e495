import type { Target } from '../../ir/target.js'
import { createSchedule, type Schedule, type Stage, type Tensor } from '../../ir/te.js'
import type { IterVar } from '../../ir/tir.js'
import { applySplit } from '../../schedule-config/apply.js'
import type { Config } from '../../schedule-config/config.js'
import { divisors } from '../../schedule-config/split-space.js'
import {
  elements,
  inlineInjective,
  isParallelWork,
  largestDivisor,
  scheduleElementwise,
  vectorizeBlock,
} from './schedule-util.js'

/** Tag of products whose second operand is in blocks of columns; the extent of a block is attribute `block`. */
export const PACKED = 'packed_product'
export const PACK = 'injective,pack'

/** Columns per block: whole vectors, several of them so that the sums do not wait for each other. */
export function denseBlock(columns: number, target: Target): number {
  const lanes = target.simdLanes32
  const candidates = divisors(columns).filter((d) => d % lanes === 0 && d <= 8 * lanes)
  const best = candidates.filter((d) => d <= 6 * lanes).at(-1) ?? candidates.at(-1)
  return best ?? largestDivisor(columns, 2 * lanes)
}

/** Rows summed together: as many as registers allow beside one block of columns. */
export function rowTile(rows: number, block: number, target: Target): number {
  const registers = target.vectorRegisters - 4
  const most = Math.max(1, Math.floor((registers * target.simdLanes32) / block))
  return largestDivisor(rows, most)
}

/** The longest part of the sum that is unrolled, and the most statements that this may make. */
const MOST_UNROLLED = 16
const MOST_STATEMENTS = 512

/**
 * A tile of rows by one block of columns is summed in registers, then finished by what follows. Knobs: `tile_y` and `tile_x`
 * with the tile as innermost factors; factors between, where there are any, are tiles that one thread does in a row;
 * `tile_k` how many steps of the sum are unrolled; `tile_inner` rows of a part of the tile that is summed at a time.
 */
export function schedulePacked(config: Config, outputs: readonly Tensor[], target: Target): Schedule {
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
  const tile = tileLoops(stage, block, config)
  if (target.vectorises) {
    if (isParallelWork(elements([...product.axis, ...product.reduceAxis]))) stage.parallel(tile.outer)
    vectorizeBlock(stage, tile.columns, block, target)
  }
  scheduleSums(schedule.stage(accumulator), block, config, target)
  schedule.stage(accumulator).computeAt(stage, tile.last)
  if (!isLast && !sameShape) scheduleElementwise(schedule, output, target)
  return schedule
}

interface TileLoops {
  /** The loop that threads share. */
  readonly outer: IterVar
  /** The innermost loop over tiles. */
  readonly last: IterVar
  readonly columns: IterVar
}

function tileLoops(stage: Stage, block: number, config: Config): TileLoops {
  const axes = stage.op.axis
  const [y, x] = axes.slice(-2) as [IterVar, IterVar]
  const batch = axes.slice(0, -2)
  const whole = x.extent % block === 0
  const rows = applySplit(stage, y, config.split('tile_y'))
  const columns = applySplit(stage, x, config.split('tile_x'))
  const [yo, yi] = [rows[0] as IterVar, rows.at(-1) as IterVar]
  const [xo, xi] = [columns[0] as IterVar, columns.at(-1) as IterVar]
  const between = [...rows.slice(1, -1), ...columns.slice(1, -1)]
  stage.reorder(...batch, ...(whole ? [xo, yo] : [yo, xo]), ...between, yi, xi)
  // A last block that is not full is split off its loop, which therefore stays a loop of its own.
  const outer = stage.fuse(...batch, ...(whole ? [xo, yo] : [yo]))
  return { outer, last: between.at(-1) ?? (whole ? outer : xo), columns: xi }
}

function scheduleSums(stage: Stage, block: number, config: Config, target: Target): void {
  const { axis, reduceAxis } = stage.op
  const [y, x] = axis.slice(-2) as [IterVar, IterVar]
  const [k] = reduceAxis as [IterVar]
  const rows = config.inner('tile_y')
  const part = config.has('tile_inner') ? config.inner('tile_inner') : rows
  const steps = config.inner('tile_k')
  const [parts, row] = part < rows ? stage.split(y, part) : [undefined, y]
  const unrolled = steps > 1 && steps <= MOST_UNROLLED && steps * Math.min(part, rows) <= MOST_STATEMENTS
  const [outer, inner] = unrolled ? stage.split(k, steps) : [k, undefined]
  stage.reorder(...axis.slice(0, -2), ...(parts ? [parts] : []), outer, ...(inner ? [inner] : []), row, x)
  if (!target.vectorises) return
  if (inner) stage.unroll(inner)
  stage.unroll(row)
  vectorizeBlock(stage, x, block, target)
}
