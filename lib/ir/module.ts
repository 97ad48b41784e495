import { getGlobalFunc, registerObjectType, TvmObject } from '../runtime/index.js'
import type { Func } from './relay.js'

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
}
registerObjectType('IRModule', IRModule)
