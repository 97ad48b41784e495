import type { Target } from '../../ir/target.js'
import { createSchedule, type Operation, type Schedule, type Stage, type Tensor } from '../../ir/te.js'
import type { IterVar } from '../../ir/tir.js'
import type { Config } from '../../schedule-config/config.js'
import { MOST_UNROLLED } from './conv2d-workload.js'
import { PAD } from './pad.js'
import {
  elements,
  inlineInjective,
  isParallelWork,
  parallelOuter,
  rowsPerTask,
  scheduleElementwise,
  vectorizeBlock,
} from './schedule-util.js'
import { registerTile } from './tiling.js'

/** Multiply-adds up to which the borders are filled in along with the sums, though more than once, to save a parallel loop. */
const MOST_WITH_BORDERS = 8e6

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
  const padded = depthwise ? undefined : convolution.inputs.find(({ op }) => op.tag === PAD)?.op
  const [width, block] = convolution.output().shape.slice(-2) as [number, number]
  const window = depthwise ? convolution.reduceAxis : convolution.reduceAxis.slice(1, -1)
  const pointwise = !depthwise && window.every(({ extent }) => extent === 1)
  const knobs = readKnobs(config, pointwise)
  const work = elements([...convolution.axis, ...convolution.reduceAxis])
  const { channels } = registerTile(
    {
      width,
      block,
      depth: elements(convolution.reduceAxis),
      depthwise,
      columns: Math.min(width, knobs.columns) * knobs.rows,
      // Neighbours by one are assumed; where they are further apart fewer columns fit, and given ones are taken as they are.
      ...(knobs.unrollWindow
        ? { window: { columns: window.at(-1)?.extent ?? 1, stride: 1, dilation: 1 } }
        : {}),
    },
    target,
  )
  const accumulator = schedule.cacheWrite(convolution.output())
  const isLast = output.sameAs(convolution)
  const sameShape = output.axis.length === convolution.axis.length
  // Where the result changes its shape at once (a flatten, say), the convolution keeps a nest of its own.
  const stage = schedule.stage(isLast || !sameShape ? convolution : output)
  if (!isLast && sameShape) schedule.stage(convolution).computeInline()
  const { n: images, c, planes, h, w, ci } = axesOf(stage.op)
  stage.reorder(images, ...planes, c)
  const n = stage.fuse(images, ...planes)
  const [ho, hi] = knobs.rows > 1 ? stage.split(h, knobs.rows) : [h]
  const [wo, wi] = stage.split(w, knobs.columns)
  const [co, cin] = stage.split(ci, channels)
  // Threads share what moves less between their caches: rows, or filters. Depthwise ones do as their neighbours will.
  const [data, weight] = convolution.inputs.map(count) as [number, number]
  const byRows = depthwise ? h.extent * w.extent > c.extent * block : data > weight
  const share = byRows
    ? rowsPerTask(elements([images, ...planes, c]), Math.ceil(h.extent / knobs.rows))
    : undefined
  const [hb, hr] = share === undefined ? [ho] : stage.split(ho, share)
  stage.reorder(n, ...(hr ? [hb, c, hr] : [c, hb]), wo, co, ...(hi ? [hi] : []), wi, cin)
  const outer = hr ? stage.fuse(n, hb, c) : stage.fuse(n, c, hb)
  if (padded) {
    const within = work <= MOST_WITH_BORDERS
    schedulePad(schedule.stage(padded), padded.axis, !within, target)
    if (within) schedule.stage(padded).computeAt(stage, outer)
  }
  if (target.vectorises) {
    vectorizeBlock(stage, cin, channels, target)
    // Depthwise steps are bound by loads.
    if (isParallelWork(depthwise ? 4 * work : work)) stage.parallel(outer)
  }
  scheduleAccumulator(schedule.stage(accumulator), knobs, channels, depthwise, target)
  schedule.stage(accumulator).computeAt(stage, co)
  if (!isLast && !sameShape) scheduleElementwise(schedule, output, target)
  return schedule
}

/** Batch, chunks of channels, planes if there are three dimensions, rows, columns, channels of a chunk. */
function axesOf({ axis }: Operation) {
  const [n, c] = axis as [IterVar, IterVar]
  const [h, w, ci] = axis.slice(-3) as [IterVar, IterVar, IterVar]
  return { n, c, planes: axis.slice(2, -3), h, w, ci }
}

function count({ shape }: Tensor): number {
  return shape.reduce((product, dim) => product * dim, 1)
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
  channels: number,
  depthwise: boolean,
  target: Target,
): void {
  const { reduceAxis: reduction } = stage.op
  const { n, c, planes, h, w, ci } = axesOf(stage.op)
  const [outer, unrolled] = splitReduction(reduction, unrollWindow, depthwise)
  stage.reorder(
    n,
    c,
    ...planes,
    ...(rows > 1 ? [] : [h]),
    ...outer,
    ...unrolled,
    ...(rows > 1 ? [h] : []),
    w,
    ci,
  )
  if (!target.vectorises) return
  if (rows > 1) stage.unroll(h)
  stage.unroll(w)
  vectorizeBlock(stage, ci, channels, target)
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
  const [x, block] = reduction.slice(-2) as [IterVar, IterVar]
  return [[...reduction.slice(0, -2), block], [x]]
}

function schedulePad(stage: Stage, axes: IterVar[], alone: boolean, target: Target): void {
  if (alone) parallelOuter(stage, axes.slice(0, 3), elements(axes), target)
  const inner = axes[axes.length - 1]
  if (target.vectorises && inner && inner.extent > 1 && inner.extent <= 64) stage.vectorize(inner)
}
