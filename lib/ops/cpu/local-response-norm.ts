import type { Tensor } from '../../ir/te.js'
import { float, getGlobalFunc } from '../../runtime/index.js'
import { registerCompute, registerSchedule } from '../strategy.js'
import { scheduleReduction } from './schedule-util.js'

/** Local response normalisation (Krizhevsky et al., ImageNet Classification with Deep Convolutional Neural Networks, 2012). */
registerCompute('nn.lrn', (attrs, [data]) => {
  const number = (name: string) => float(Number(attrs.get(name)))
  const lrn = getGlobalFunc('topi.nn.lrn')
  return [
    lrn(
      data as Tensor,
      attrs.get('size'),
      attrs.get('axis'),
      number('alpha'),
      number('beta'),
      number('bias'),
    ) as Tensor,
  ]
})
registerSchedule('nn.lrn', (_attrs, outs, target) => scheduleReduction(outs, target))
