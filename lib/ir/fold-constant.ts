import { getGlobalFunc, NDArray, type TvmObject } from '../runtime/index.js'
import type { DType, Tensor } from '../tensor.js'
import { findEvaluator } from './evaluate/operators.js'
import { IRModule } from './module.js'
import { getOp, Op } from './op.js'
import { Call, Constant, callOp, constant, type Expr, Func, func, Tuple, TupleGetItem, tuple, tupleGetItem, typeOf } from './relay.js'
import { TensorType, UNKNOWN_DIM } from './type.js'

/**
 * Replaces every constant subexpression by its value. Common operators are evaluated here directly; the rest is built and
 * run by the library, one function each, which is what makes its own pass slow (TVM v0.18,
 * src/relay/transforms/fold_constant.cc). Operators with state, `qnn` operators and results above the library's knowledge
 * of shapes stay as they are.
 */
export function foldConstant<T extends Expr>(root: T): T {
  const done = new Map<number | bigint, Expr>()
  const stack: { expr: Expr; entered: boolean }[] = [{ expr: root, entered: false }]
  const folded = (expr: Expr) => done.get(identity(expr)) ?? expr
  while (stack.length > 0) {
    const top = stack[stack.length - 1] as { expr: Expr; entered: boolean }
    const key = identity(top.expr)
    if (done.has(key)) {
      stack.pop()
    } else if (!top.entered) {
      top.entered = true
      for (const child of children(top.expr)) {
        if (!done.has(identity(child))) stack.push({ expr: child, entered: false })
      }
    } else {
      stack.pop()
      done.set(key, rebuild(top.expr, folded))
    }
  }
  return folded(root) as T
}

/** The value of a constant expression, copied; null for any other expression. */
export function constantValue(expr: Expr): Tensor | null {
  return expr instanceof Constant ? expr.data.toTensor() : null
}

function identity(expr: Expr): number | bigint {
  return getGlobalFunc('runtime.ObjectPtrHash')(expr) as number | bigint
}

function children(expr: Expr): Expr[] {
  if (expr instanceof Call) return expr.args
  if (expr instanceof Tuple) return expr.fields
  if (expr instanceof TupleGetItem) return [expr.tuple]
  if (expr instanceof Func) return isPrimitive(expr) ? [] : [expr.body]
  if (expr.typeKey === 'relay.Let') return [expr.get('value') as Expr, expr.get('body') as Expr]
  if (expr.typeKey === 'relay.If') return ['cond', 'true_branch', 'false_branch'].map((field) => expr.get(field) as Expr)
  return []
}

function isPrimitive(func: Func): boolean {
  const attrs = func.get('attrs') as TvmObject | null
  const map = attrs === null ? null : (getGlobalFunc('ir.DictAttrsGetDict')(attrs) as unknown as { has(key: string): boolean })
  return map !== null && (map.has('Primitive') || map.has('Compiler'))
}

function rebuild(expr: Expr, folded: (expr: Expr) => Expr): Expr {
  if (expr instanceof Call) return rebuildCall(expr, folded)
  const before = children(expr)
  const after = before.map(folded)
  if (expr instanceof TupleGetItem && after[0] instanceof Tuple) return after[0].fields[expr.index] as Expr
  if (same(before, after)) return expr
  const [first, second, third] = after as [Expr, Expr, Expr]
  if (expr instanceof Tuple) return tuple(after)
  if (expr instanceof TupleGetItem) return tupleGetItem(first, expr.index)
  if (expr instanceof Func) {
    const field = (name: string) => expr.get(name)
    return getGlobalFunc('relay.ir.Function')(field('params'), first, field('ret_type'), field('type_params'), field('attrs'), null) as Expr
  }
  if (expr.typeKey === 'relay.Let') return getGlobalFunc('relay.ir.Let')(expr.get('var'), first, second, null) as Expr
  return getGlobalFunc('relay.ir.If')(first, second, third, null) as Expr
}

function rebuildCall(call: Call, folded: (expr: Expr) => Expr): Expr {
  const before = call.args
  const after = before.map(folded)
  const rebuilt = same(before, after) ? call : callOp(call.op, after, call.attrs)
  const { op } = call
  if (!(op instanceof Op) || !after.every(isConstant) || !foldable(op)) return rebuilt
  return evaluate(op, rebuilt, after) ?? rebuilt
}

function same(before: readonly Expr[], after: readonly Expr[]): boolean {
  return before.every((expr, i) => expr === after[i] || expr.sameAs(after[i] as Expr))
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
    known = !attr('TOpIsStateful') && !attr('TNonComputational') && !name.startsWith('qnn.') && name !== 'device_copy'
    foldableOps.set(name, known)
  }
  return known
}

function evaluate(op: Op, call: Call, args: readonly Expr[]): Expr | undefined {
  const type = typeOf(call)
  const evaluator = findEvaluator(op.name)
  if (evaluator && type instanceof TensorType) {
    const { shape, dtype } = type
    if (shape.includes(UNKNOWN_DIM)) return undefined
    const inputs = args.flatMap(leaves).map((leaf) => leaf.data.toTensor())
    const value = evaluator(inputs, call.attrs, { shape, dtype: dtype as DType })
    if (value) return constant(NDArray.from(value))
  }
  const result = getGlobalFunc('relay._transform.FoldConstantExpr')(call, IRModule.fromFunction(emptyFunction()), false) as Expr
  return isConstant(result) ? result : undefined
}

function leaves(expr: Expr): Constant[] {
  return expr instanceof Constant ? [expr] : (expr as Tuple).fields.flatMap(leaves)
}

function emptyFunction(): Func {
  return func([], constant(0))
}
