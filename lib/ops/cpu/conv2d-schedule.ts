import type { Target } from '../../ir/target.js'
import { createSchedule, type Operation, type Schedule, type Stage, type Tensor } from '../../ir/te.js'
import type { IterVar } from '../../ir/tir.js'
import type { Config } from '../../schedule-config/config.js'
import { PAD } from './pad.js'
import { inlineInjective, isParallelWork, parallelOuter, scheduleElementwise } from './schedule-util.js'
import { registerTile } from './tiling.js'

/** The longest window, to each side, that is unrolled. */
const MOST_UNROLLED = 7

/**
 * Schedules a convolution in blocked layout: a register tile of columns by channels is accumulated over the whole reduction,
 * then what follows the convolution is applied to it while it is still in the first-level cache. Knobs: `tile_ow` columns
 * (times `tile_oh` rows) a tile; `unroll_kw` whether the window's columns are unrolled.
 */
export function scheduleBlockedConvolution(
  config: Config,
  outputs: readonly Tensor[],
  target: Target,
): Schedule {
  const schedule = createSchedule(outputs)
  // A depthwise convolution reads each input a few times only: borders are cheaper than a padded copy. Loop partitioning
  // keeps their conditions out of the inner tiles.
  const depthwise = outputs.some(({ op }) => dependsOn(op, 'depthwise_conv2d_NCHWc'))
  const rest = inlineInjective(schedule, outputs, (op) => op.tag === PAD && !depthwise)
  const convolution = rest.find((op) => op.tag.endsWith('conv2d_NCHWc'))
  const output = rest[0]
  if (!convolution || !output) return schedule
  if (!depthwise)
    for (const { op } of convolution.inputs) if (op.tag === PAD) schedulePad(schedule, op, target)
  const [, , , width, block] = convolution.output().shape as [number, number, number, number, number]
  const pointwise = !depthwise && convolution.reduceAxis.every(({ extent }, i) => i % 3 === 0 || extent === 1)
  const knobs = readKnobs(config, pointwise)
  const { channels } = registerTile(
    { width, block, depthwise, columns: Math.min(width, knobs.columns) * knobs.rows },
    target,
  )
  const accumulator = schedule.cacheWrite(convolution.output())
  const isLast = output.sameAs(convolution)
  const sameShape = output.axis.length === 5
  // Where the result changes its shape at once (a flatten, say), the convolution keeps a nest of its own.
  const stage = schedule.stage(isLast || !sameShape ? convolution : output)
  if (!isLast && sameShape) schedule.stage(convolution).computeInline()
  const [n, c, h, w, ci] = stage.op.axis as [IterVar, IterVar, IterVar, IterVar, IterVar]
  const [ho, hi] = knobs.rows > 1 ? stage.split(h, knobs.rows) : [h]
  const [wo, wi] = stage.split(w, knobs.columns)
  const [co, cin] = stage.split(ci, channels)
  stage.reorder(n, c, ho, wo, co, ...(hi ? [hi] : []), wi, cin)
  const outer = stage.fuse(n, c, ho)
  if (target.vectorises) {
    stage.vectorize(cin)
    // Depthwise steps are bound by loads.
    const cost = depthwise ? 4 : 1
    if (isParallelWork([...convolution.axis, ...convolution.reduceAxis], cost)) stage.parallel(outer)
  }
  scheduleAccumulator(schedule.stage(accumulator), knobs, depthwise, target)
  schedule.stage(accumulator).computeAt(stage, co)
  if (!isLast && !sameShape) scheduleElementwise(schedule, output, target)
  return schedule
}

interface Knobs {
  readonly columns: number
  readonly rows: number
  readonly unrollWindow: boolean
}

function readKnobs(config: Config, pointwise: boolean): Knobs {
  const columns = config.inner('tile_ow')
  return pointwise && config.has('tile_oh')
    ? { columns, rows: config.value('tile_oh') as number, unrollWindow: false }
    : { columns, rows: 1, unrollWindow: config.value('unroll_kw') as boolean }
}

function dependsOn(op: Operation, tag: string): boolean {
  return op.isCompute && (op.tag === tag || op.inputs.some((input) => dependsOn(input.op, tag)))
}

function scheduleAccumulator(
  stage: Stage,
  { rows, unrollWindow }: Knobs,
  depthwise: boolean,
  target: Target,
): void {
  const { axis, reduceAxis: reduction } = stage.op
  const [n, c, h, w, ci] = axis as [IterVar, IterVar, IterVar, IterVar, IterVar]
  const [outer, unrolled] = splitReduction(reduction, unrollWindow, depthwise)
  stage.reorder(n, c, ...(rows > 1 ? [] : [h]), ...outer, ...unrolled, ...(rows > 1 ? [h] : []), w, ci)
  if (!target.vectorises) return
  if (rows > 1) stage.unroll(h)
  stage.unroll(w)
  stage.vectorize(ci)
  for (const loop of unrolled) if (loop.extent <= MOST_UNROLLED) stage.unroll(loop)
}

/** The loops of the reduction and, inside them, those to unroll: the window's columns; of a depthwise one its rows too. */
function splitReduction(
  reduction: IterVar[],
  unrollWindow: boolean,
  depthwise: boolean,
): [outer: IterVar[], unrolled: IterVar[]] {
  if (!unrollWindow) return [reduction, []]
  if (depthwise) return [[], reduction]
  const [chunk, y, x, block] = reduction as [IterVar, IterVar, IterVar, IterVar]
  return [[chunk, y, block], [x]]
}

function schedulePad(schedule: Schedule, op: Operation, target: Target): void {
  const stage = schedule.stage(op)
  const axes = op.axis
  const work = axes.reduce((total, axis) => total * axis.extent, 1)
  parallelOuter(stage, axes.slice(0, 3), work, target)
  const inner = axes[axes.length - 1]
  if (target.vectorises && inner && inner.extent > 1 && inner.extent <= 64) stage.vectorize(inner)
}
