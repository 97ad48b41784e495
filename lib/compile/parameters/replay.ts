import { evaluate } from '../../ir/fold-constant.js'
import { getOp } from '../../ir/op.js'
import { Constant, callOp, constant, type Expr, type Tuple, tuple } from '../../ir/relay.js'
import { loadJSON, NDArray, type TvmObject } from '../../runtime/index.js'
import type { Tensor } from '../../tensor.js'
import { digestOf, type ParameterProgram, type ProgramNode } from './program.js'

/** A source of weights: the value of an initializer by its name. */
export type ReadWeight = (name: string) => Tensor | undefined

/**
 * Computes parameters again from other weights, by the evaluation that folded them first, so that they are the same bits that
 * a build would yield. Undefined where a value on which the structure depends is another one.
 *
 * @param literals - Values that depend on no weights, by node.
 */
export function replay(
  { nodes, checks, params }: ParameterProgram['derivation'],
  literals: ReadonlyMap<string, NDArray>,
  readWeight: ReadWeight,
): Map<string, NDArray> | undefined {
  const values = new Map<number, Constant>()
  const valueAt = (node: number) => values.get(node) as Constant
  const weights = new Map<string, Tensor | undefined>()
  const weight = (name: string) => {
    if (!weights.has(name)) weights.set(name, readWeight(name))
    return weights.get(name)
  }
  const changed = checksByNode(checks)
  for (const [i, node] of nodes.entries()) {
    if (!node) continue
    const value = compute(node, i)
    if (!value) return undefined
    values.set(i, value)
    if (changed(i, value)) return undefined
  }
  return new Map(Object.entries(params).map(([name, node]) => [name, valueAt(node).data]))

  function compute(node: ProgramNode, i: number): Constant | undefined {
    if (node.kind === 'literal') return constant(literals.get(String(i)) as NDArray)
    if (node.kind === 'source') {
      const tensor = weight(node.name)
      return tensor && constant(NDArray.from({ ...tensor, shape: node.shape }))
    }
    const { op, attrs, args, output } = node
    const given = args.map((arg) => (typeof arg === 'number' ? valueAt(arg) : tuple(arg.map(valueAt))))
    const call = callOp(getOp(op), given, attrs === null ? null : (loadJSON(attrs) as TvmObject))
    const result = evaluate(getOp(op), call, given)
    return result && constants(result)[output]
  }
}

function constants(expr: Expr): Constant[] {
  return expr instanceof Constant ? [expr] : (expr as Tuple).fields.flatMap(constants)
}

function checksByNode(checks: ParameterProgram['derivation']['checks']) {
  const byNode = new Map<number, (typeof checks)[number][]>()
  for (const check of checks) byNode.set(check.node, [...(byNode.get(check.node) ?? []), check])
  return (node: number, value: Constant): boolean =>
    (byNode.get(node) ?? []).some(({ aspect, digest }) => digestOf(value.data.toTensor(), aspect) !== digest)
}
