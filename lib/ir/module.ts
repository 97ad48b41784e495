import { getGlobalFunc, registerObjectType, type TvmMap, TvmObject } from '../runtime/index.js'
import type { Func } from './relay.js'

/** A function of a module and the variable that stands for it. */
export type NamedFunction = readonly [name: TvmObject, func: TvmObject]

/** A set of functions by name (TVM v0.18, include/tvm/ir/module.h). */
export class IRModule extends TvmObject {
  /** Wraps one Relay function as `main`. */
  static fromFunction(func: Func): IRModule {
    return getGlobalFunc('ir.Module_FromExpr')(func, {}, {}) as IRModule
  }
  /** The function called `name`, by default `main`. */
  lookup(name = 'main'): Func {
    return getGlobalFunc('ir.Module_Lookup_str')(this, name) as Func
  }
  /** All functions, sorted by name. */
  get functions(): NamedFunction[] {
    const entries = [...(this.get('functions') as TvmMap<TvmObject, TvmObject>).entries()]
    const named = entries.map((entry) => [entry[0].get('name_hint') as string, entry] as const)
    return named.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry)
  }
  /** A module with the same attributes and these functions. */
  withFunctions(functions: readonly NamedFunction[]): IRModule {
    const attrs = getGlobalFunc('ir.Module_GetAttrs')(this)
    return getGlobalFunc('ir.IRModule')(new Map(functions), {}, attrs, {}) as IRModule
  }
}
registerObjectType('IRModule', IRModule)
