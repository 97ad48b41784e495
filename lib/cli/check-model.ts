import type { ModelReport } from '../compile/check.js'
import { namesOf } from '../frontend/onnx/check.js'
import { formatTable } from './table.js'

/** Problems of a model as a table, one row for each operator and reason. */
export function describeReport({ problems, nodes, byName }: ModelReport): string {
  const looked = `${nodes} nodes looked at${byName > 0 ? `, ${byName} of them by name only, since they use results of others` : ''}`
  if (problems.length === 0) return `nothing is unsupported (${looked})`
  const table = formatTable(problems, [
    { title: 'operator', value: ({ operator }) => operator || '-' },
    { title: 'domain', value: ({ domain, operator }) => (operator ? domain || 'ai.onnx' : '-') },
    { title: 'opset', value: ({ version }) => (version ? String(version) : '-'), align: 'right' },
    { title: 'nodes', value: (problem) => namesOf(problem.nodes) || '-' },
    { title: 'reason', value: ({ reason }) => reason },
  ])
  return `${table}\n\n${problems.length} problems, ${looked}`
}
