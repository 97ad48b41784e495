import { TvmNodeError } from '../../errors.js'
import { nearest } from '../../nearest.js'
import { type GraphImporter, opsetVersions } from './graph-importer.js'
import { findOperator, listOperators, operatorName } from './registry.js'
import type { FunctionProto, NodeProto } from './schema.js'

/** The operator sets of `ai.onnx` whose rules the importer knows. */
export const OPSETS = { min: 1, max: 21 } as const

/** An operator that cannot be imported, and where it stands. */
export interface UnsupportedOperator {
  readonly operator: string
  /** Empty for `ai.onnx`. */
  readonly domain: string
  readonly version: number
  /** Names of the nodes, or of their first outputs where they have none. */
  readonly nodes: readonly string[]
}

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

/** All operators among `nodes`, their subgraphs and the functions they call that have no converter. */
export function findUnsupported(
  nodes: readonly NodeProto[],
  opsets: ReadonlyMap<string, number>,
  importer: GraphImporter,
): UnsupportedOperator[] {
  const found = new Map<string, { operator: string; domain: string; version: number; nodes: string[] }>()
  const seen = new Set<FunctionProto>()
  const visit = (list: readonly NodeProto[], versions: ReadonlyMap<string, number>) => {
    for (const node of list) {
      for (const { g, graphs } of node.attribute)
        for (const graph of g ? [g, ...graphs] : graphs) visit(graph.node, versions)
      const called = importer.functionOf(node)
      if (called) {
        if (seen.has(called)) continue
        seen.add(called)
        visit(called.node, new Map([...versions, ...opsetVersions(called.opsetImport)]))
        continue
      }
      const domain = node.domain === 'ai.onnx' ? '' : node.domain
      const version = versions.get(domain) ?? 1
      const name = operatorName(domain, node.opType)
      if (findOperator(name, version)) continue
      const entry = found.get(name) ?? { operator: node.opType, domain, version, nodes: [] }
      entry.nodes.push(node.name || node.output[0] || '')
      found.set(name, entry)
    }
  }
  visit(nodes, opsets)
  return [...found.values()]
}

/** Throws `ERR_UNSUPPORTED_OPERATOR` with all of them. */
export function refuseUnsupported(operators: readonly UnsupportedOperator[]): void {
  if (operators.length === 0) return
  const known = listOperators().map(({ name }) => name)
  const lines = operators.map(({ operator, domain, version, nodes }) => {
    const name = operatorName(domain, operator)
    const near = nearest(name, known)
    const hint = near && near.toLowerCase() === name.toLowerCase() ? `; did you mean ${near}?` : ''
    const more = nodes.length > 5 ? ` and ${nodes.length - 5} more` : ''
    return `${name} (opset ${version}, nodes ${nodes.slice(0, 5).join(', ')}${more}${hint})`
  })
  throw new TvmNodeError(
    'ERR_UNSUPPORTED_OPERATOR',
    `operators that cannot be imported: ${lines.join('; ')}`,
    {
      details: { operators },
    },
  )
}
