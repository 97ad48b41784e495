import type { Target } from '../../ir/target.js'
import { createSchedule, type Schedule, type Tensor } from '../../ir/te.js'
import { getGlobalFunc } from '../../runtime/index.js'
import { int } from '../attrs.js'
import { registerSchedule, registerStrategy } from '../strategy.js'
import { parallelOuter } from './schedule-util.js'

/** Rows are independent: maximum, exponentials, sum and quotient of one row after the other, rows in parallel. */
export function scheduleSoftmax(outputs: readonly Tensor[], target: Target): Schedule {
  const schedule = createSchedule(outputs)
  for (const stage of schedule.stages) {
    const { op } = stage
    if (!op.isCompute || op.axis.length < 2) continue
    const work = [...op.axis, ...op.reduceAxis].reduce((total, axis) => total * axis.extent, 1)
    parallelOuter(stage, op.axis.slice(0, 1), work, target)
  }
  return schedule
}

const schedule = (_attrs: unknown, outs: Tensor[], target: Target) => scheduleSoftmax(outs, target)
registerStrategy('nn.softmax', () => [
  {
    name: 'softmax.generic',
    compute: (attrs, [x]) => [getGlobalFunc('topi.nn.softmax')(x as Tensor, int(attrs, 'axis')) as Tensor],
    schedule,
  },
])
registerSchedule('nn.log_softmax', schedule)
