import { getGlobalFunc, NDArray } from '../runtime/index.js'
import { type DType, elementCount, type Tensor } from '../tensor.js'
import { currentTrace } from './constant-trace.js'
import { findEvaluator } from './evaluate/operators.js'
import { IRModule } from './module.js'
import { getOp, Op } from './op.js'
import { Call, Constant, constant, type Expr, func, Tuple, TupleGetItem, typeOf } from './relay.js'
import { rewrite } from './rewrite.js'
import { TensorType, UNKNOWN_DIM } from './type.js'

/**
 * Replaces every constant subexpression by its value. Common operators are evaluated here directly; the rest is built and
 * run by the library, one function each, which is what makes its own pass slow (TVM v0.18,
 * src/relay/transforms/fold_constant.cc). Operators with state and `qnn` operators stay as they are.
 */
export function foldConstant<T extends Expr>(root: T): T {
  return rewrite(root, (expr) => {
    if (expr instanceof TupleGetItem) {
      const { tuple } = expr
      return tuple instanceof Tuple ? (tuple.fields[expr.index] as Expr) : expr
    }
    if (!(expr instanceof Call)) return expr
    const { op, args } = expr
    if (!(op instanceof Op) || !args.every(isConstant) || !foldable(op)) return expr
    return evaluate(op, expr, args) ?? expr
  })
}

/** The value of a constant expression, copied; null for any other expression. */
export function constantValue(expr: Expr): Tensor | null {
  return expr instanceof Constant ? expr.data.toTensor() : null
}

function isConstant(expr: Expr): boolean {
  return expr instanceof Constant || (expr instanceof Tuple && expr.fields.every(isConstant))
}

const foldableOps = new Map<string, boolean>()

function foldable(op: Op): boolean {
  const { name } = op
  let known = foldableOps.get(name)
  if (known === undefined) {
    const attr = (key: string) => getGlobalFunc('ir.OpGetAttr')(getOp(name), key)
    known =
      !attr('TOpIsStateful') &&
      !attr('TNonComputational') &&
      !name.startsWith('qnn.') &&
      name !== 'device_copy'
    foldableOps.set(name, known)
  }
  return known
}

/** The value of an operator on constants, a constant or a tuple of them; undefined where it cannot be computed. */
export function evaluate(op: Op, call: Call, args: readonly Expr[]): Expr | undefined {
  const trace = currentTrace()
  if (!trace) return compute(op, call, args)
  const result = trace.whileFolding(() => compute(op, call, args))
  const arrays = (expr: Expr) => leaves(expr).map(({ data }) => data)
  const given = args.map((arg) => (arg instanceof Constant ? arg.data : arrays(arg)))
  if (result) trace.folded(call, given, arrays(result))
  return result
}

/** Elements that a constant may grow to; larger ones are computed while the network runs, where it needs them. */
const MOST_GROWN = 2 ** 26

function compute(op: Op, call: Call, args: readonly Expr[]): Expr | undefined {
  const type = typeOf(call)
  if (type instanceof TensorType && elementCount(type.shape) > MOST_GROWN) {
    const given = args.flatMap(leaves).reduce((total, { data }) => total + elementCount(data.shape), 0)
    if (elementCount(type.shape) > given) return undefined
  }
  const evaluator = findEvaluator(op.name)
  if (evaluator && type instanceof TensorType) {
    const { shape, dtype } = type
    if (shape.includes(UNKNOWN_DIM)) return undefined
    const inputs = args.flatMap(leaves).map((leaf) => leaf.data.toTensor())
    const value = evaluator(inputs, call.attrs, { shape, dtype: dtype as DType })
    if (value) return constant(NDArray.from(value))
  }
  const nothing = IRModule.fromFunction(func([], constant(0)))
  const result = getGlobalFunc('relay._transform.FoldConstantExpr')(call, nothing, false) as Expr
  return isConstant(result) ? result : undefined
}

function leaves(expr: Expr): Constant[] {
  return expr instanceof Constant ? [expr] : (expr as Tuple).fields.flatMap(leaves)
}
