import type { Target } from '../../ir/target.js'
import { createSchedule, type Operation, type Schedule, type Stage, type Tensor } from '../../ir/te.js'
import type { IterVar } from '../../ir/tir.js'
import { getGlobalFunc } from '../../runtime/index.js'
import { int } from '../attrs.js'
import { type Attrs, registerSchedule, registerStrategy } from '../strategy.js'
import { elements, reduceInLanes, vectorizeBlock, vectorWidth, worthThreads } from './schedule-util.js'

/**
 * Rows are independent: maximum, exponentials, sum and quotient of one row after the other, rows in parallel. Where rows are
 * contiguous, their parts are vectors; else neighbouring rows are.
 */
export function scheduleSoftmax(outputs: readonly Tensor[], axis: number, target: Target): Schedule {
  const schedule = createSchedule(outputs)
  const [output] = outputs
  const all = schedule.stages.map(({ op }) => op).filter((op) => op.isCompute)
  const computed = all.filter((op) => op.axis.length > 0)
  // Numbers that fused operators take.
  for (const op of all) if (op.axis.length === 0) schedule.stage(op).computeInline()
  const reductions = computed.filter((op) => op.reduceAxis.length > 0)
  const axes = output?.op.axis ?? []
  const work = elements(axes)
  const along = reductions[0]?.reduceAxis[0]
  if (!output || axes.length < 2 || !(work > 0) || !along) return schedule
  if (axis !== -1 && axis !== axes.length - 1) {
    scheduleColumns(schedule, output, computed, axis, target)
    return schedule
  }
  const stages = computed.map((op) => schedule.stage(op))
  const last = schedule.stage(output)
  const lanes = stages.map((stage) =>
    stage.op.reduceAxis.length > 0 ? reduceInLanes(schedule, stage, target) : undefined,
  )
  const row = last.fuse(...last.op.axis.slice(0, -1))
  if (worthThreads(work, target)) last.parallel(row)
  for (const [i, stage] of stages.entries()) {
    const { op } = stage
    if (!op.sameAs(last.op)) stage.computeAt(last, row)
    if (op.reduceAxis.length === 0) vectorizeLast(stage, op, target)
    else lanes[i]?.computeAt(stage, op.axis.at(-1) as IterVar)
  }
  return schedule
}

/** Neighbours in memory belong to different sums: each vector of them is done from maximum to quotient. */
function scheduleColumns(
  schedule: Schedule,
  output: Tensor,
  computed: readonly Operation[],
  axis: number,
  target: Target,
): void {
  const last = schedule.stage(output)
  const { axis: axes } = last.op
  const along = axes[axis < 0 ? axis + axes.length : axis] as IterVar
  const columns = axes.at(-1) as IterVar
  const others = axes.slice(0, -1).filter((each) => !each.sameAs(along))
  const width = vectorWidth(columns.extent, target.simdLanes32)
  const [blocks, lane] = last.split(columns, width)
  last.reorder(...others, blocks, along, lane)
  const outer = last.fuse(...others, blocks)
  if (worthThreads(elements(axes), target)) last.parallel(outer)
  for (const op of computed) {
    const stage = schedule.stage(op)
    const inner = op.sameAs(output.op) ? lane : (op.axis.at(-1) as IterVar)
    if (!op.sameAs(output.op)) {
      stage.reorder(...op.axis.slice(0, -1), ...op.reduceAxis, inner)
      stage.computeAt(last, outer)
    }
    if (target.vectorises && width >= 4) vectorizeBlock(stage, inner, width, target)
  }
}

function vectorizeLast(stage: Stage, op: Operation, target: Target): void {
  // Numbers that were fused in have no axes.
  const last = op.axis.at(-1)
  if (!last) return
  const width = vectorWidth(last.extent, target.simdLanes32)
  if (!target.vectorises || width < 4) return
  const [, lane] = stage.split(last, width)
  vectorizeBlock(stage, lane, width, target)
}

const schedule = (attrs: Attrs, outs: Tensor[], target: Target) =>
  scheduleSoftmax(outs, int(attrs, 'axis'), target)
// The fast one, which optimisation level 4 asks for, may be as exact as the other.
for (const name of ['softmax', 'fast_softmax']) {
  registerStrategy(`nn.${name}`, () => [
    {
      name: `${name}.generic`,
      compute: (attrs, [x]) => [getGlobalFunc('topi.nn.softmax')(x as Tensor, int(attrs, 'axis')) as Tensor],
      schedule,
    },
  ])
}
registerSchedule('nn.log_softmax', schedule)
