import { Constant, call, type Func } from '../ir/relay.js'
import { rewrite } from '../ir/rewrite.js'

/**
 * Writes constants without elements as operators: the library's parameter files cannot hold them (TVM v0.18,
 * include/tvm/runtime/ndarray.h, NDArray::Load).
 */
export function replaceEmptyConstants(main: Func): Func {
  return rewrite(main, (expr) => {
    if (!(expr instanceof Constant)) return expr
    const { shape, dtype } = expr.data
    return shape.includes(0) ? call('zeros', [], { shape: [...shape], dtype }) : expr
  })
}
