import { getGlobalFunc, type TvmObject } from '../runtime/index.js'
import { Call, callOp, type Expr, Func, Tuple, TupleGetItem, tuple, tupleGetItem } from './relay.js'

/**
 * Rebuilds a graph from its leaves upwards: `visit` gets each node with its parts already rebuilt and returns what stands
 * in its place. Nodes none of whose parts changed stay the same objects, with the types already inferred. Works without
 * recursion, so depth is no limit; fused functions are left alone.
 */
export function rewrite<T extends Expr>(root: T, visit: (expr: Expr) => Expr): T {
  const done = new Map<number, Expr>()
  const stack: { expr: Expr; entered: boolean }[] = [{ expr: root, entered: false }]
  const rebuilt = (expr: Expr) => done.get(expr.address) ?? expr
  while (stack.length > 0) {
    const top = stack[stack.length - 1] as { expr: Expr; entered: boolean }
    if (done.has(top.expr.address)) {
      stack.pop()
    } else if (!top.entered) {
      top.entered = true
      for (const part of parts(top.expr))
        if (!done.has(part.address)) stack.push({ expr: part, entered: false })
    } else {
      stack.pop()
      const before = parts(top.expr)
      const after = before.map(rebuilt)
      const same = before.every((part, i) => part === after[i] || part.sameAs(after[i] as Expr))
      done.set(top.expr.address, visit(same ? top.expr : withParts(top.expr, after)))
    }
  }
  return rebuilt(root) as T
}

function parts(expr: Expr): Expr[] {
  if (expr instanceof Call) return expr.args
  if (expr instanceof Tuple) return expr.fields
  if (expr instanceof TupleGetItem) return [expr.tuple]
  if (expr instanceof Func) return isFused(expr) ? [] : [expr.body]
  if (expr.typeKey === 'relay.Let') return [expr.get('value') as Expr, expr.get('body') as Expr]
  if (expr.typeKey === 'relay.If')
    return ['cond', 'true_branch', 'false_branch'].map((field) => expr.get(field) as Expr)
  return []
}

function isFused(func: Func): boolean {
  const attrs = func.get('attrs') as TvmObject | null
  if (attrs === null) return false
  const map = getGlobalFunc('ir.DictAttrsGetDict')(attrs) as unknown as { has(key: string): boolean }
  return map.has('Primitive') || map.has('Compiler')
}

function withParts(expr: Expr, after: readonly Expr[]): Expr {
  const [first, second, third] = after as [Expr, Expr, Expr]
  if (expr instanceof Call) return callOp(expr.op, after, expr.attrs)
  if (expr instanceof Tuple) return tuple(after)
  if (expr instanceof TupleGetItem) return tupleGetItem(first, expr.index)
  if (expr instanceof Func) {
    const field = (name: string) => expr.get(name)
    const make = getGlobalFunc('relay.ir.Function')
    return make(field('params'), first, field('ret_type'), field('type_params'), field('attrs'), null) as Expr
  }
  if (expr.typeKey === 'relay.Let')
    return getGlobalFunc('relay.ir.Let')(expr.get('var'), first, second, null) as Expr
  return getGlobalFunc('relay.ir.If')(first, second, third, null) as Expr
}
