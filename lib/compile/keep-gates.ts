import { Call, Constant, call, type Expr, type Func, Op, typeOf } from '../ir/relay.js'
import { rewrite } from '../ir/rewrite.js'
import { TensorType } from '../ir/type.js'

/**
 * Hides products of two computed values, such as gates, from the folding of scales into weights: weights scaled by what is only
 * known at run time would be scaled, and brought into their layout, in each run. The reshapes that hide them change nothing and
 * are removed by `simplify`.
 */
export function keepGates(main: Func): Func {
  return rewrite(main, (expr) => {
    if (!(expr instanceof Call) || !(expr.op instanceof Op) || expr.op.name !== 'multiply') return expr
    const { args } = expr
    if (args.some((arg) => arg instanceof Constant)) return expr
    return hidden(call('multiply', args.map(hidden)))
  })
}

function hidden(value: Expr): Expr {
  const type = typeOf(value)
  if (!(type instanceof TensorType) || type.shape.some((dim) => dim <= 0)) return value
  return call('reshape', [value], { newshape: type.shape })
}
