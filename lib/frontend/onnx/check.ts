import { isTvmNodeError, TvmNodeError } from '../../errors.js'
import { nearest } from '../../nearest.js'
import { listOperators, operatorName } from './registry.js'
import type { ModelProblem } from './survey.js'

/** The operator sets of `ai.onnx` whose rules the importer knows. */
export const OPSETS = { min: 1, max: 21 } as const

/** Throws `ERR_UNSUPPORTED_OPSET` for a version of `ai.onnx` outside the range. */
export function checkOpset(opsets: ReadonlyMap<string, number>): void {
  const version = opsets.get('')
  if (version === undefined || (version >= OPSETS.min && version <= OPSETS.max)) return
  throw new TvmNodeError(
    'ERR_UNSUPPORTED_OPSET',
    `the model is written for opset ${version}; supported are ${OPSETS.min} to ${OPSETS.max}`,
    { details: { version, ...OPSETS } },
  )
}

/** Why there is no converter for an operator: the opset is too old for it, or its name is not known. */
export function whyUnknown(name: string, opset: number): string {
  const operators = listOperators()
  const since = operators.find((each) => each.name === name)?.since[0]
  if (since !== undefined) return `it is known from opset ${since} on, the model has ${opset}`
  const near = nearest(
    name,
    operators.map((each) => each.name),
  )
  const isMistyped = near && near.toLowerCase() === name.toLowerCase()
  return `there is no such operator${isMistyped ? `; did you mean ${near}?` : ''}`
}

/** Names of nodes are listed up to this many. */
const MOST_NAMED = 5

/** `n1, n2 and 3 more`. */
export function namesOf(nodes: readonly string[]): string {
  const more = nodes.length > MOST_NAMED ? ` and ${nodes.length - MOST_NAMED} more` : ''
  return nodes.slice(0, MOST_NAMED).join(', ') + more
}

/** One error for all that cannot be imported. */
export function unsupported(operators: readonly ModelProblem[], cause: unknown): TvmNodeError {
  const lines = operators.map(({ operator, domain, version, nodes, reason }) => {
    const name = operatorName(domain, operator)
    return operator ? `${name} (opset ${version}, nodes ${namesOf(nodes)}): ${reason}` : reason
  })
  return new TvmNodeError('ERR_UNSUPPORTED_OPERATOR', `cannot be imported: ${lines.join('; ')}`, {
    cause,
    details: { operators },
  })
}

/** Tells of shapes that depend on values by the model's names for the inputs in question. @param names - By parameter. */
export function withInputNames(error: unknown, names: ReadonlyMap<string, string>): unknown {
  if (!isTvmNodeError(error, 'ERR_DYNAMIC_SHAPE') || !Array.isArray(error.details.inputs)) return error
  const inputs = error.details.inputs.flatMap((parameter) => names.get(parameter) ?? [])
  const hint = inputs.length > 0 ? `; fix the values of ${inputs.map((name) => `'${name}'`).join(', ')}` : ''
  return new TvmNodeError('ERR_DYNAMIC_SHAPE', `${error.message}${hint}`, {
    cause: error,
    details: { ...error.details, inputs },
  })
}
