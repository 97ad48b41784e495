import { findEvaluator } from '../../ir/evaluate/operators.js'
import { evaluate } from '../../ir/fold-constant.js'
import { getOp } from '../../ir/op.js'
import { Constant, callOp, constant, type Expr, type Tuple, tuple } from '../../ir/relay.js'
import { loadJSON, NDArray, type TvmObject } from '../../runtime/index.js'
import type { DType, Tensor } from '../../tensor.js'
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
  const values = new Map<number, Tensor>()
  const valueAt = (node: number) => values.get(node) as Tensor
  const weights = new Map<string, Tensor | undefined>()
  const weight = (name: string) => {
    if (!weights.has(name)) weights.set(name, readWeight(name))
    return weights.get(name)
  }
  const changed = checksByNode(checks)
  const attributes = new Attributes()
  for (const [i, node] of nodes.entries()) {
    if (!node) continue
    const value = compute(node, i)
    if (!value || changed(i, value)) return undefined
    values.set(i, value)
  }
  return new Map(Object.entries(params).map(([name, node]) => [name, NDArray.from(valueAt(node))]))

  function compute(node: ProgramNode, i: number): Tensor | undefined {
    if (node.kind === 'literal') return literals.get(String(i))?.toTensor()
    if (node.kind === 'source') {
      const tensor = weight(node.name)
      return tensor && { ...tensor, shape: node.shape }
    }
    const { op, attrs, args, output, outputs, shape, dtype } = node
    const attributesOf = attributes.read(attrs)
    const evaluator = outputs === 1 ? findEvaluator(op) : undefined
    const type = { shape, dtype: dtype as DType }
    const value = evaluator?.(args.flat().map(valueAt), attributesOf as TvmObject, type)
    if (value) return value
    const leaf = (arg: number) => constant(valueAt(arg))
    const given = args.map((arg) => (typeof arg === 'number' ? leaf(arg) : tuple(arg.map(leaf))))
    const result = evaluate(getOp(op), callOp(getOp(op), given, attributesOf), given)
    return result && constants(result)[output]?.data.toTensor()
  }
}

/** Attributes from the library's JSON; most are those of many operators. */
class Attributes {
  private readonly known = new Map<string, TvmObject>()

  read(json: string | null): TvmObject | null {
    if (json === null) return null
    const attrs = this.known.get(json) ?? (loadJSON(json) as TvmObject)
    this.known.set(json, attrs)
    return attrs
  }
}

function constants(expr: Expr): Constant[] {
  return expr instanceof Constant ? [expr] : (expr as Tuple).fields.flatMap(constants)
}

function checksByNode(checks: ParameterProgram['derivation']['checks']) {
  const byNode = new Map<number, (typeof checks)[number][]>()
  for (const check of checks) byNode.set(check.node, [...(byNode.get(check.node) ?? []), check])
  return (node: number, value: Tensor): boolean =>
    (byNode.get(node) ?? []).some(({ aspect, digest }) => digestOf(value, aspect) !== digest)
}
