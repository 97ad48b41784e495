import type { Target } from '../ir/target.js'
import { withPassContext } from '../ir/transform.js'
import { extent } from '../ir/type.js'
import {
  getGlobalFunc,
  type Module,
  type TvmArg,
  type TvmArray,
  type TvmMap,
  type TvmObject,
  type TvmValue,
} from '../runtime/index.js'
import type { Instance } from '../schedule-config/template.js'
import type { TensorArg } from '../schedule-config/workload.js'
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
    return generate(lowered as TvmObject, target)
  })
}

/** A function under another name, by which its code is called. */
export function namedAs(func: TvmObject, name: string): TvmObject {
  return getGlobalFunc('ir.BaseFuncWithAttr')(func, 'global_symbol', name) as TvmObject
}

/** Generates the code of one lowered function, which has the name that it is called by. */
export function buildFunction(
  func: TvmObject,
  target: Target,
  config: Readonly<Record<string, TvmArg>> = {},
): Module {
  return withPassContext({ optLevel: 3, config: { ...lowerConfig(target), ...config } }, () =>
    generate(moduleWith(func), target),
  )
}

/** Lowers one scheduled function of TensorIR and generates its code. */
export function buildUnlowered(
  func: TvmObject,
  target: Target,
  config: Readonly<Record<string, TvmArg>> = {},
): Module {
  return withPassContext({ optLevel: 3, config: { ...lowerConfig(target), ...config } }, () => {
    const simple = false
    return generate(getGlobalFunc('driver.lower_module')(moduleWith(func), simple) as TvmObject, target)
  })
}

function moduleWith(func: TvmObject): TvmObject {
  const variable = getGlobalFunc('ir.GlobalVar')(OPERATOR, null)
  return getGlobalFunc('ir.IRModule')(new Map([[variable, func]]), {}, null, {}) as TvmObject
}

function generate(lowered: TvmObject, target: Target): Module {
  return getGlobalFunc('driver.tir_to_runtime')(new Map([[target, lowered]]), target) as Module
}

/** What a lowered function takes. */
export function argsOf(func: TvmObject): TensorArg[] {
  const buffers = func.get('buffer_map') as TvmMap<TvmObject, TvmObject>
  return (func.get('params') as TvmArray<TvmObject>).toArray().map((param) => {
    const buffer = buffers.get(param)
    return {
      shape: (buffer.get('shape') as TvmArray<TvmValue>).toArray().map(extent),
      dtype: buffer.get('dtype') as string,
    }
  })
}
