import type { Operation, Tensor } from '../ir/te.js'
import { IntImm, type IterVar, type PrimExpr } from '../ir/tir.js'
import type { TvmArray, TvmObject } from '../runtime/index.js'

/** Operators that count as one each. */
const COUNTED = new Set(
  'Add Sub Mul Div Mod FloorDiv FloorMod Min Max EQ NE LT LE GT GE And Or'
    .split(' ')
    .map((name) => `tir.${name}`),
)

/**
 * Arithmetic operations of all stages that lead to `outputs` (TVM v0.18, python/tvm/autotvm/task/task.py, compute_flop);
 * 0 where a stage is no plain expression.
 */
export function countFlop(outputs: readonly Tensor[]): number {
  const seen = new Set<number>()
  const visit = (op: Operation): number => {
    if (seen.has(op.address) || op.typeKey === 'PlaceholderOp') return 0
    seen.add(op.address)
    if (!op.isCompute) return Number.NaN
    const elements = extents(op.axis)
    const [body] = (op.get('body') as TvmArray<PrimExpr>).toArray()
    const own = body ? elements * operations(body) : 0
    return op.inputs.reduce((sum, input) => sum + visit(input.op), own)
  }
  const total = outputs.reduce((sum, { op }) => sum + visit(op), 0)
  return Number.isFinite(total) ? total : 0
}

function operations(expr: PrimExpr): number {
  const field = (name: string) => expr.get(name) as PrimExpr
  const { typeKey } = expr
  if (COUNTED.has(typeKey)) return 1 + operations(field('a')) + operations(field('b'))
  switch (typeKey) {
    case 'tir.Cast':
      return operations(field('value'))
    case 'tir.Not':
      return operations(field('a'))
    case 'tir.Select':
      return (
        operations(field('condition')) +
        Math.max(operations(field('true_value')), operations(field('false_value')))
      )
    case 'tir.Call':
      return list(expr.get('args')).reduce((sum, arg) => sum + operations(arg), 0)
    case 'tir.Reduce': {
      const combiner = expr.get('combiner') as TvmObject
      const each = [...list(combiner.get('result')), ...list(expr.get('source'))]
      const steps = extents((expr.get('axis') as TvmArray<IterVar>).toArray())
      return steps * each.reduce((sum, part) => sum + operations(part), 0)
    }
    default:
      return 0
  }
}

function list(value: unknown): PrimExpr[] {
  return (value as TvmArray<PrimExpr>).toArray().filter((item) => !(item instanceof IntImm))
}

function extents(axes: readonly IterVar[]): number {
  return axes.reduce((product, { extent }) => product * extent, 1)
}
