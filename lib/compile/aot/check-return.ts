import type { IRModule } from '../../ir/module.js'
import type { Op } from '../../ir/op.js'
import type { TvmArray, TvmObject } from '../../runtime/index.js'
import { rewritePrimFunc } from '../lower-pass.js'

/**
 * Makes calls by C's convention fit for LLVM's code generator, which knows nothing of `tvm_check_return` around them (TVM v0.18,
 * src/relay/backend/aot_executor_codegen.cc). What they return is then not looked at: operators that check nothing and
 * allocate nothing have no way to fail.
 */
export function dropReturnChecks(mod: IRModule): IRModule {
  const drop = (call: TvmObject) => {
    const op = call.get('op') as Op
    return op.name === 'tir.tvm_check_return' ? (call.get('args') as TvmArray<TvmObject>).at(2) : null
  }
  const isMain = (name: TvmObject) => String(name.get('name_hint')).endsWith('__tvm_main__')
  return mod.withFunctions(
    mod.functions.map(([name, func]) => [
      name,
      isMain(name) ? rewritePrimFunc(func, 'tir.Call', drop) : func,
    ]),
  )
}
