import type { Target } from '../../ir/target.js'
import { createSchedule, type Operation, type Schedule, type Stage, type Tensor } from '../../ir/te.js'
import type { IterVar } from '../../ir/tir.js'

/**
 * Below this many elements a parallel loop costs more than it saves: to start and end one takes 2 us, and what another core
 * wrote is further away. Some 5 us of work.
 */
const WORTH_A_THREAD = 32_768

/** Whether a loop over that many elements in all gains from threads. */
export function worthThreads(work: number, target: Target): boolean {
  return target.vectorises && work >= WORTH_A_THREAD
}

/** Below this many multiply-adds the same holds for a loop that sums. */
const SUMS_WORTH_A_THREAD = 1_000_000

/** Whether a nest of that many multiply-adds gains from threads. */
export function isParallelWork(steps: number): boolean {
  return steps >= SUMS_WORTH_A_THREAD
}

/** As many multiplications of bytes as are done in the time of those. */
const BYTES_WORTH_A_THREAD = 4 * SUMS_WORTH_A_THREAD

/** Whether sums of products of bytes gain from threads. */
export function areWorthThreads(op: Operation): boolean {
  return elements([...op.axis, ...op.reduceAxis]) >= BYTES_WORTH_A_THREAD
}

/** Enough tasks to share evenly among some threads. */
const TASKS = 32

/** How many of `rows` a task should have, where there are `times` tasks for each. */
export function rowsPerTask(times: number, rows: number): number {
  return largestDivisor(rows, Math.max(1, Math.floor((rows * times) / TASKS)))
}

export function isInjective(op: Operation): boolean {
  return op.isCompute && /^(broadcast|elemwise|injective)/.test(op.tag) && op.reduceAxis.length === 0
}

/**
 * Paddings read by operations that rearrange. Inlined there, their borders would be conditions on computed places, from which loops are
 * partitioned at bounds that are no constants; vectors need constant ones.
 */
function rearrangedPads(outputs: readonly Tensor[]): Set<number> {
  const found = new Set<number>()
  const seen = new Set<string>()
  const visit = (op: Operation, rearranged: boolean) => {
    const key = `${op.address} ${rearranged}`
    if (seen.has(key) || !op.isCompute) return
    seen.add(key)
    const isPad = /\bpad\b/.test(op.tag)
    if (isPad && rearranged) found.add(op.address)
    const rearranges = rearranged || (!isPad && op.tag.startsWith('injective'))
    for (const input of op.inputs) visit(input.op, rearranges)
  }
  for (const { op } of outputs) visit(op, false)
  return found
}

/**
 * Inlines every injective operation below `outputs` that is not itself an output and not to be kept; returns the others,
 * outputs first.
 */
export function inlineInjective(
  schedule: Schedule,
  outputs: readonly Tensor[],
  keep = (_op: Operation) => false,
): Operation[] {
  const seen = new Set<number>()
  const rest: Operation[] = []
  const pads = rearrangedPads(outputs)
  const visit = (op: Operation, isOutput: boolean) => {
    if (seen.has(op.address)) return
    seen.add(op.address)
    if (!op.isCompute && op.typeKey === 'PlaceholderOp') return
    if (!isOutput && isInjective(op) && !keep(op) && !pads.has(op.address)) schedule.stage(op).computeInline()
    else rest.push(op)
    for (const input of op.inputs) visit(input.op, false)
  }
  for (const { op } of outputs) visit(op, true)
  return rest
}

/** Steps of a nest over `axes`. */
export function elements(axes: readonly IterVar[]): number {
  return axes.reduce((total, axis) => total * axis.extent, 1)
}

/**
 * The outer axes that are worth running in parallel: fused until there are enough pieces for some threads. Of a tensor in blocks
 * of channels, rows come before chunks, as in convolutions, so that threads find what they wrote.
 */
export function parallelOuter(
  stage: Stage,
  axes: readonly IterVar[],
  work: number,
  target: Target,
): IterVar | undefined {
  if (axes.length === 0) return undefined
  const [n, c, h] = axes as [IterVar, IterVar, IterVar]
  const blocked = axes.length === 3 && stage.op.axis.length === 5
  if (blocked) stage.reorder(n, h, c)
  const fused = stage.fuse(...(blocked ? [n, h, c] : axes))
  if (worthThreads(work, target)) stage.parallel(fused)
  return fused
}

/** Last axes up to this extent are no vectors: LLVM makes vectors of the axis before, and interleaves them. */
const INTERLEAVED = 4

/** Makes a loop of `extent` neighbours vectors of `lanes` elements; vectors of other widths than powers of two are slow. */
export function vectorizeLanes(stage: Stage, axis: IterVar, extent: number, lanes: number): void {
  if (Number.isInteger(Math.log2(extent)) && extent <= 4 * lanes) {
    stage.vectorize(axis)
    return
  }
  const [vectors, lane] = stage.split(axis, lanes)
  stage.unroll(vectors)
  stage.vectorize(lane)
}

/** Schedules an element-wise stage: the last axis in vectors, the outer ones in parallel. */
export function scheduleElementwise(
  schedule: Schedule,
  op: Operation,
  target: Target,
): { stage: Stage; outer: IterVar | undefined } {
  const stage = schedule.stage(op)
  const axes = op.axis
  const work = elements(axes)
  if (axes.length === 0 || !(work > 0)) return { stage, outer: undefined }
  const lanes = target.simdLanes32
  let last = axes[axes.length - 1] as IterVar
  let outer = axes.slice(0, -1)
  if (outer.length === 0) {
    const [outerPart, innerPart] = stage.split(last, target.vectorises ? lanes * 2 : 64)
    outer = [outerPart]
    last = innerPart
    if (target.vectorises && axes[0]?.extent !== undefined && work % (lanes * 2) === 0) stage.vectorize(last)
  } else if (target.vectorises && last.extent > INTERLEAVED) {
    const width = vectorWidth(last.extent, lanes)
    if (width > 1) {
      const [, inner] = stage.split(last, width)
      stage.vectorize(inner)
    }
  }
  const fuse = outer.slice(0, Math.max(1, outer.length >= 4 ? 3 : outer.length === 3 ? 2 : outer.length))
  return { stage, outer: parallelOuter(stage, fuse, work, target) }
}

/** The largest divisor of `extent` that fills whole vectors, else `extent` itself when short. */
export function vectorWidth(extent: number, lanes: number): number {
  for (const width of [lanes * 2, lanes, lanes / 2]) if (width >= 2 && extent % width === 0) return width
  return largestDivisor(extent, 16)
}

/** The largest divisor of `n` not above `limit`. */
export function largestDivisor(n: number, limit: number): number {
  for (let d = Math.min(n, limit); d > 1; d--) if (n % d === 0) return d
  return 1
}

/** Injective operators: producers inlined, the output by `scheduleElementwise`. */
export function scheduleInjective(outputs: readonly Tensor[], target: Target): Schedule {
  const schedule = createSchedule(outputs)
  for (const op of inlineInjective(schedule, outputs))
    if (op.isCompute && op.reduceAxis.length === 0) scheduleElementwise(schedule, op, target)
  return schedule
}

/**
 * Operators that reduce: injective producers are inlined; each reduction has a parallel nest of its own.
 *
 * @param contiguous - Whether neighbours in memory are reduced: then each lane of a vector has a part of them.
 */
export function scheduleReduction(outputs: readonly Tensor[], target: Target, contiguous = false): Schedule {
  const schedule = createSchedule(outputs)
  const kept = inlineInjective(schedule, outputs).filter((op) => op.isCompute)
  // Taken before any is cut into parts, which gives those that read it new operations.
  for (const stage of kept.map((op) => schedule.stage(op))) {
    if (stage.op.reduceAxis.length > 0) scheduleReducing(schedule, stage, target, contiguous)
    else scheduleElementwise(schedule, stage.op, target)
  }
  return schedule
}

function scheduleReducing(schedule: Schedule, stage: Stage, target: Target, contiguous: boolean): void {
  const work = elements([...stage.op.axis, ...stage.op.reduceAxis])
  if (stage.op.axis.length === 0 || !(work > 0)) return
  const parts = contiguous ? reduceInLanes(schedule, stage, target) : undefined
  const { axis: axes, reduceAxis } = stage.op
  const width = vectorWidth((axes.at(-1) as IterVar).extent, target.simdLanes32)
  if (contiguous || !target.vectorises || axes.length < 2 || width < 4) {
    const outer = parallelOuter(stage, axes.slice(0, 3), work, target)
    if (outer) parts?.computeAt(stage, outer)
    return
  }
  const [vectors, lane] = stage.split(axes.at(-1) as IterVar, width)
  stage.reorder(...axes.slice(0, -1), vectors, ...reduceAxis, lane)
  vectorizeBlock(stage, lane, width, target)
  parallelOuter(stage, axes.slice(0, -1).slice(0, 3), work, target)
}

/** From this extent on, two vectors are reduced side by side. */
const LONG_REDUCTION = 1024

/**
 * Reduces the last axis of a stage in vectors; leaves it as it is where that is no whole number of them.
 *
 * @returns The stage of the lanes, which is to be computed at a loop of `stage`. That has new axes from then on.
 */
export function reduceInLanes(schedule: Schedule, stage: Stage, target: Target): Stage | undefined {
  const { op } = stage
  const along = op.reduceAxis.at(-1) as IterVar
  const lanes = target.simdLanes32
  const wide = along.extent >= LONG_REDUCTION && along.extent % (2 * lanes) === 0 ? 2 * lanes : lanes
  const width = largestDivisor(along.extent, wide)
  if (!target.vectorises || width < 4 || width === along.extent || op.body.length > 1) return undefined
  const [, lane] = stage.split(along, width)
  const parts = schedule.stage(schedule.rfactor(stage.originalOp.output(), lane))
  const [first, ...rest] = parts.op.axis as [IterVar, ...IterVar[]]
  parts.reorder(...rest, ...parts.op.reduceAxis, first)
  vectorizeBlock(parts, first, width, target)
  return parts
}

/** Vectorizes an axis of one vector, or of whole ones: LLVM takes longer ones apart unless they are powers of two. */
export function vectorizeBlock(stage: Stage, axis: IterVar, extent: number, target: Target): void {
  const lanes = target.simdLanes32
  if (extent % lanes !== 0 || extent === lanes) {
    stage.vectorize(axis)
    return
  }
  const [vectors, lane] = stage.split(axis, lanes)
  stage.unroll(vectors)
  stage.vectorize(lane)
}

/** The nearest operation with a tag at or below `outputs`. @throws when there is none */
export function findTag(outputs: readonly Tensor[], tag: string): Operation {
  const queue = outputs.map(({ op }) => op)
  for (let op = queue.shift(); op; op = queue.shift()) {
    if (op.tag === tag) return op
    if (op.isCompute) queue.push(...op.inputs.map((input) => input.op))
  }
  throw new Error(`no operation is tagged ${tag}`)
}
