import type { ImportContext } from './context.js'
import type { OnnxNode } from './node.js'
import type { Value } from './value.js'

/** The inputs of a node: as many as required are there, others may be left out. */
export type Inputs<N extends number> = N extends 0
  ? readonly (Value | undefined)[]
  : N extends 1
    ? readonly [Value, ...(Value | undefined)[]]
    : N extends 2
      ? readonly [Value, Value, ...(Value | undefined)[]]
      : N extends 3
        ? readonly [Value, Value, Value, ...(Value | undefined)[]]
        : readonly [Value, Value, Value, Value, ...(Value | undefined)[]]

/** One version of an operator. */
export interface OperatorVersion<N extends number = number> {
  /** The operator set version from which on this holds. */
  readonly since: number
  /** How many inputs every node has. */
  readonly required: N
  /** Whether it knows what to do with 4-bit integers and 8-bit floats. Default: no. */
  readonly takesNarrow?: boolean
  /** Whether it knows what to do with sequences and empty optionals. Default: no. */
  readonly takesSequences?: boolean
  /** The outputs in order; undefined for optional ones that are not computed. */
  convert(node: OnnxNode, inputs: Inputs<N>, context: ImportContext): Value | readonly (Value | undefined)[]
}

const operators = new Map<string, OperatorVersion[]>()

/**
 * Adds a version of an operator of `ai.onnx`, or of another domain as `domain.Operator`. Versions that differ in nothing that
 * matters here are one entry, under the first.
 */
export function operator<const N extends 0 | 1 | 2 | 3 | 4>(name: string, version: OperatorVersion<N>): void {
  const versions = operators.get(name) ?? []
  versions.push(version as unknown as OperatorVersion)
  versions.sort((a, b) => b.since - a.since)
  operators.set(name, versions)
}

/** The version of an operator that holds in an operator set; undefined when there is none. */
export function findOperator(name: string, opset: number): OperatorVersion | undefined {
  return operators.get(name)?.find(({ since }) => since <= opset)
}

export interface OperatorSummary {
  readonly name: string
  /** The operator sets at which its rules change. */
  readonly since: readonly number[]
  /** What it takes besides plain tensors. */
  readonly values: readonly string[]
}

/** All operators with the opsets at which their rules change, for documentation and tests. */
export function listOperators(): OperatorSummary[] {
  return [...operators]
    .map(([name, versions]) => ({
      name,
      since: versions.map(({ since }) => since).reverse(),
      values: [
        ...(versions.some(({ takesNarrow }) => takesNarrow) ? ['4-bit integers', '8-bit floats'] : []),
        ...(versions.some(({ takesSequences }) => takesSequences) ? ['sequences', 'optionals'] : []),
      ],
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** The name an operator has in the table: without a domain for `ai.onnx`. */
export function operatorName(domain: string, opType: string): string {
  return domain === '' || domain === 'ai.onnx' ? opType : `${domain}.${opType}`
}
