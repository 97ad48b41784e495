// A template of many configurations that all do the same little.
import { compute, createSchedule } from '#lib/ir/te.js'
import { mul } from '#lib/ir/tir.js'
import { ConfigEntity } from '#lib/schedule-config/config-entity.js'
import { other } from '#lib/schedule-config/knob.js'
import { registerTemplate } from '#lib/schedule-config/template.js'

registerTemplate({
  name: 'bench.tiny',
  compute(config, [a]) {
    config.defineKnob('choice', [...Array(8192).keys()])
    return [compute(a.dims, (...i) => mul(a.at(...i), 2))]
  },
  schedule: (_config, outputs) => createSchedule(outputs),
  defaults: () => ConfigEntity.of({ choice: other(0) }),
})
