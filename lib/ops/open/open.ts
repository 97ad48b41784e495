import type { Target } from '../../ir/target.js'
import { createSchedule, type Operation, type Schedule, type Stage, type Tensor } from '../../ir/te.js'
import type { ExprLike, IterVar } from '../../ir/tir.js'
import { TensorType, UNKNOWN_DIM } from '../../ir/type.js'
import type { TvmObject } from '../../runtime/index.js'
import { outputExtents } from '../cpu/extern.js'
import { inlineInjective, largestDivisor, vectorWidth } from '../cpu/schedule-util.js'
import {
  type Attrs,
  computeOf,
  hasCompute,
  type Implementation,
  registerStrategy,
  type StrategyContext,
} from '../strategy.js'

/** Computes an operator whose operands have extents that are only known while the network runs. */
export type OpenCompute = (attrs: Attrs, inputs: Tensor[], result: readonly ExprLike[]) => Tensor[]

const computes = new Map<string, OpenCompute>()

/** Registers how `op` is computed where extents are open, for operators whose kernels are made for given extents. */
export function registerOpen(op: string, compute: OpenCompute): void {
  computes.set(op, compute)
}

/** Registers an operator of which there is only the form with open extents. */
export function registerOpenOnly(op: string, compute: OpenCompute | undefined): void {
  if (compute) computes.set(op, compute)
  registerStrategy(op, () => {
    const found = openImplementation(op)
    return found ? [found] : []
  })
}

/** Whether an extent of an operand or of the result is open. */
export function isOpen({ inputs, outType }: StrategyContext): boolean {
  if (inputs.some((input) => input.isOpen)) return true
  return outType instanceof TensorType && outType.shape.includes(UNKNOWN_DIM)
}

/** The implementation for open extents; undefined where the one for given extents serves both. */
export function openImplementation(op: string): Implementation | undefined {
  const own = computes.get(op)
  if (!own && !hasCompute(op)) return undefined
  const compute = own
    ? (attrs: Attrs, inputs: Tensor[], outType: TvmObject) => own(attrs, inputs, outputExtents(outType))
    : computeOf(op)
  return {
    name: `${op}.open`,
    compute,
    schedule: (_attrs, outs, target) => scheduleOpen(outs, target),
  }
}

/** Tag of sums of products whose weights have the outputs of one axis (attribute `axis`) as neighbours. */
export const OUTPUTS_LAST = 'open_outputs_last'

/** Tag of convolutions in the plain layouts; images have enough places for threads, however short a sum is. */
export const CONVOLUTION = 'conv_open'

/** As many multiply-adds for each element of the result make threads worth their start, whatever the extents are. */
const LONG_SUM = 64

/**
 * Loops over open extents: what is element by element is inlined, sums have neighbouring results as vectors where their number is
 * given, and the outer loops of long sums run in parallel.
 */
export function scheduleOpen(outputs: readonly Tensor[], target: Target): Schedule {
  const schedule = createSchedule(outputs)
  for (const op of inlineInjective(schedule, outputs)) {
    if (!op.isCompute || op.axis.length === 0) continue
    if (op.tag === OUTPUTS_LAST) {
      scheduleOutputsLast(schedule, op, target)
      continue
    }
    const stage = schedule.stage(op)
    const lane = lanesOf(stage, op, target)
    if (op.reduceAxis.length === 0) continue
    if (lane) stage.reorder(...op.axis.slice(0, -1), lane.outer, ...op.reduceAxis, lane.inner)
    const steps = op.reduceAxis.reduce((total, axis) => total * axis.extent, 1)
    const outer = op.axis.slice(0, Math.max(1, Math.min(2, op.axis.length - 1)))
    const isLong = !(steps < LONG_SUM) || op.tag === CONVOLUTION
    if (target.vectorises && isLong && op.axis.length > 1) stage.parallel(stage.fuse(...outer))
  }
  return schedule
}

/** Vectors summed side by side, so that none waits for its own sum before. */
const SUMS_AT_ONCE = 4

/** Sums for a block of neighbouring outputs in registers, place by place. */
function scheduleOutputsLast(schedule: Schedule, op: Operation, target: Target): void {
  const at = Number(op.attrs.get('axis'))
  const count = (op.axis[at] as IterVar).extent
  const lanes = target.simdLanes32
  const given = op.attrs.has('block') ? Number(op.attrs.get('block')) : undefined
  const most = [SUMS_AT_ONCE, 3, 2, 1].map((n) => n * lanes).find((block) => count % block === 0)
  const block = given ?? most ?? largestDivisor(count, lanes)
  const sums = schedule.cacheWrite(op.output())
  const stage = schedule.stage(op.output())
  const axes = stage.op.axis
  const [outer, inner] = stage.split(axes[at] as IterVar, block)
  const places = axes.map((axis, i) => (i === at ? outer : axis))
  stage.reorder(...places, inner)
  const local = schedule.stage(sums)
  local.computeAt(stage, places.at(-1) as IterVar)
  const own = local.op.axis
  const [vectors, lane] = local.split(own[at] as IterVar, Math.min(block, lanes))
  const rest = own.filter((_, i) => i !== at)
  local.reorder(...rest, ...local.op.reduceAxis, vectors, lane)
  if (!target.vectorises) return
  local.unroll(vectors)
  local.vectorize(lane)
  stage.parallel(stage.fuse(...places.slice(0, Math.max(1, places.length - 1))))
}

/** Splits the last axis into vectors where it is a whole number of them. */
function lanesOf(
  stage: Stage,
  op: Operation,
  target: Target,
): { outer: IterVar; inner: IterVar } | undefined {
  const last = op.axis.at(-1) as IterVar
  if (!target.vectorises || Number.isNaN(last.extent)) return undefined
  const width = vectorWidth(last.extent, target.simdLanes32)
  if (width < 4) return undefined
  const [outer, inner] = stage.split(last, width)
  stage.vectorize(inner)
  return { outer, inner }
}
