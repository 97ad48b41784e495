import type { Target } from '../ir/target.js'
import { withPassContext } from '../ir/transform.js'
import { getGlobalFunc, type Module, type TvmArg } from '../runtime/index.js'
import type { Instance } from '../schedule-config/template.js'
import { lowerConfig } from './build.js'

/** What a built operator's function is called. */
export const OPERATOR = 'default_function'

/** Lowers one scheduled computation and generates its code (TVM v0.18, python/tvm/driver/build_module.py). */
export function buildSchedule(
  { schedule, args }: Instance,
  target: Target,
  config: Readonly<Record<string, TvmArg>> = {},
): Module {
  return withPassContext({ optLevel: 3, config: { ...lowerConfig(target), ...config } }, () => {
    const lowered = getGlobalFunc('driver.lower_schedule')(schedule, [...args], OPERATOR, {}, false)
    return getGlobalFunc('driver.tir_to_runtime')(new Map([[target, lowered]]), target) as Module
  })
}
