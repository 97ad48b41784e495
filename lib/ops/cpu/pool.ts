import type { Target } from '../../ir/target.js'
import { createSchedule, type Schedule, type Tensor } from '../../ir/te.js'
import type { IterVar } from '../../ir/tir.js'
import { registerSchedule } from '../strategy.js'
import { inlineInjective, parallelOuter, scheduleElementwise } from './schedule-util.js'

/** Pooling: windows are summed for each vector of neighbouring channels or columns, the outer axes in parallel. */
export function schedulePool(outputs: readonly Tensor[], target: Target): Schedule {
  const schedule = createSchedule(outputs)
  const rest = inlineInjective(schedule, outputs)
  for (const op of rest) {
    if (!op.isCompute) continue
    if (op.reduceAxis.length === 0) {
      scheduleElementwise(schedule, op, target)
      continue
    }
    const stage = schedule.stage(op)
    const axes = op.axis
    const last = axes.at(-1) as IterVar
    const outer = axes.slice(0, -1)
    const work = [...axes, ...op.reduceAxis].reduce((total, axis) => total * axis.extent, 1)
    stage.reorder(...outer, ...op.reduceAxis, last)
    parallelOuter(stage, outer.slice(0, Math.min(3, outer.length)), work, target)
    if (target.vectorises && last.extent > 1 && last.extent <= 32) stage.vectorize(last)
  }
  return schedule
}

for (const op of ['max_pool1d', 'max_pool2d', 'max_pool3d', 'avg_pool1d', 'avg_pool2d', 'avg_pool3d']) {
  registerSchedule(`nn.${op}`, (_attrs, outs, target) => schedulePool(outs, target))
}
for (const op of [
  'global_max_pool2d',
  'global_avg_pool2d',
  'adaptive_max_pool1d',
  'adaptive_max_pool2d',
  'adaptive_max_pool3d',
]) {
  registerSchedule(`nn.${op}`, (_attrs, outs, target) => schedulePool(outs, target))
}
for (const op of ['adaptive_avg_pool1d', 'adaptive_avg_pool2d', 'adaptive_avg_pool3d']) {
  registerSchedule(`nn.${op}`, (_attrs, outs, target) => schedulePool(outs, target))
}
