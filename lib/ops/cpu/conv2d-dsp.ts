import type { Target } from '../../ir/target.js'
import { createSchedule, type Operation, type Schedule, type Tensor } from '../../ir/te.js'
import type { IterVar } from '../../ir/tir.js'
import type { Config } from '../../schedule-config/config.js'
import { ConfigEntity } from '../../schedule-config/config-entity.js'
import { other, split } from '../../schedule-config/knob.js'
import { registerTemplate } from '../../schedule-config/template.js'
import { BYTES, byteShape, convolution, operands } from './conv2d-nchwc-int8.js'
import { DOT } from './dot-product.js'
import { dotTile } from './dot-tile.js'
import { findTag, inlineInjective, scheduleElementwise } from './schedule-util.js'

/** The most sums of a tile: beyond, they would not fit the registers of any processor without vectors. */
const MOST_SUMS = 32

/** Whether a convolution of these operands can be summed by tiles of bytes in generated C. */
export function isDspConvolution([data, weight]: readonly Tensor[], groups: number, target: Target): boolean {
  if (!target.isC || data?.dtype !== 'int8' || weight?.dtype !== 'int8') return false
  if (data.shape.length === 5) return weight.shape.length === 7
  return groups === 1 && (weight.shape[1] as number) % DOT === 0
}

/**
 * Convolution of signed bytes in generated C: layouts and arguments as for `conv2d_NCHWc_int8.x86`. Knobs: `tile_ic` and `tile_oc`
 * channels per block of data and of results; a tile has `tile_ow` columns and `tile_lanes` channels.
 */
export const conv2dDsp = registerTemplate({
  name: 'conv2d_NCHWc_dsp.arm_cpu',
  compute(config, args) {
    const shape = byteShape(args)
    const { inputs, filters, width } = shape
    config.defineSplit('tile_ic', inputs, {
      filter: ({ factors }) => (factors.at(-1) as number) % DOT === 0,
    })
    config.defineSplit('tile_oc', filters)
    config.defineSplit('tile_ow', width, { maxFactor: 8 })
    config.defineKnob('tile_lanes', [1, 2, 3, 4, 6, 8])
    const [data, weight] = operands(config, args, shape, (block) => block % lanesOf(config) === 0)
    return [convolution(data, weight, args, shape, 0)]
  },
  schedule: (config, outputs, target) => scheduleConv2dDsp(config, outputs, target),
  defaults(args) {
    const { inputs, filters, blocks } = byteShape(args)
    const [ib, ob] = blocks ?? [inputs, filters]
    return ConfigEntity.of({
      tile_ic: split(-1, ib),
      tile_oc: split(-1, ob),
      tile_ow: split(-1, 1),
      tile_lanes: other(1),
    })
  },
})

function lanesOf(config: Config): number {
  return config.value('tile_lanes') as number
}

function scheduleConv2dDsp(config: Config, outputs: readonly Tensor[], target: Target): Schedule {
  const schedule = createSchedule(outputs)
  const sum = findTag(outputs, BYTES)
  const [data] = sum.inputs as [Tensor]
  const [output] = inlineInjective(schedule, outputs, (op) => op.sameAs(data.op)) as [Operation]
  const sums = schedule.cacheWrite(sum.output())
  // Where the result changes its shape at once (a flatten, say), the convolution keeps a nest of its own.
  const fits = output.axis.length === 5
  const stage = schedule.stage(fits ? output : sum)
  if (fits && !output.sameAs(sum)) schedule.stage(sum).computeInline()
  const [columns, lanes] = [config.inner('tile_ow'), lanesOf(config)]
  const [n, c, h, w, lane] = stage.op.axis as [IterVar, IterVar, IterVar, IterVar, IterVar]
  const [wo, wi] = stage.split(w, columns)
  const [lo, li] = stage.split(lane, lanes)
  stage.reorder(n, c, h, wo, lo, wi, li)
  if (columns * lanes <= MOST_SUMS) {
    stage.unroll(wi)
    stage.unroll(li)
  }
  const inner = schedule.stage(sums)
  const [quad, k] = inner.op.reduceAxis.slice(-2) as [IterVar, IterVar]
  const [column, channel] = inner.op.axis.slice(-2) as [IterVar, IterVar]
  inner.reorder(...inner.op.axis.slice(0, 3), ...inner.op.reduceAxis.slice(0, -2), column, channel, quad, k)
  const step = Number(sum.attrs.get('step'))
  inner.tensorize(column, dotTile({ columns, lanes, quads: quad.extent, step }))
  inner.computeAt(stage, lo)
  if (!fits) scheduleElementwise(schedule, output, target)
  return schedule
}
