import { TvmNodeError } from '../../errors.js'
import { nodeLabel } from './node.js'
import type { GraphProto, NodeProto } from './schema.js'

/** Names a node reads: its inputs, and what its subgraphs take from outside. */
export function namesRead(node: NodeProto): string[] {
  const names = node.input.filter(Boolean)
  for (const { g, graphs } of node.attribute) {
    for (const graph of g ? [g, ...graphs] : graphs) names.push(...namesCaptured(graph))
  }
  return names
}

function namesCaptured(graph: GraphProto): string[] {
  const own = new Set([...graph.input, ...graph.initializer].map(({ name }) => name))
  for (const { output } of graph.node) for (const name of output) own.add(name)
  const read = [...graph.node.flatMap(namesRead), ...graph.output.map(({ name }) => name)]
  return read.filter((name) => !own.has(name))
}

/** Names with values of their own, without a node that writes them. */
export interface GivenNames {
  /** An input, an initializer or a name around a subgraph. */
  isKnown(name: string): boolean
  /** An input or an initializer of this very graph, which no node may write. */
  isTaken(name: string): boolean
}

/**
 * The nodes that the outputs need, each after those it reads from. ONNX asks for this order; files that lack it are sorted.
 *
 * @throws `ERR_INVALID_MODEL` for a cycle, a name that nothing writes or a name written twice.
 */
export function orderNodes(
  nodes: readonly NodeProto[],
  outputs: readonly string[],
  { isKnown, isTaken }: GivenNames,
): NodeProto[] {
  const writers = new Map<string, NodeProto>()
  for (const node of nodes) {
    for (const name of node.output.filter(Boolean)) {
      if (writers.has(name) || isTaken(name))
        invalid(`${nodeLabel(node)} writes '${name}', which is written already`)
      writers.set(name, node)
    }
  }
  const ordered: NodeProto[] = []
  const state = new Map<NodeProto, 'open' | 'done'>()
  const visit = (root: NodeProto) => {
    const stack = [{ node: root, names: namesRead(root), at: 0 }]
    state.set(root, 'open')
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const name = top.names[top.at++]
      if (name === undefined) {
        stack.pop()
        state.set(top.node, 'done')
        ordered.push(top.node)
        continue
      }
      const writer = writers.get(name)
      if (!writer) {
        if (!isKnown(name)) invalid(`${nodeLabel(top.node)} reads '${name}', which nothing writes`)
      } else if (!state.has(writer)) {
        state.set(writer, 'open')
        stack.push({ node: writer, names: namesRead(writer), at: 0 })
      } else if (state.get(writer) === 'open') {
        const cycle = stack
          .slice(stack.findIndex(({ node }) => node === writer))
          .map(({ node }) => nodeLabel(node))
        invalid(`the graph has a cycle: ${cycle.join(' reads from ')}`)
      }
    }
  }
  for (const name of outputs) {
    const writer = writers.get(name)
    if (!writer && !isKnown(name)) invalid(`nothing writes the output '${name}'`)
    if (writer && !state.has(writer)) visit(writer)
  }
  return ordered
}

function invalid(message: string): never {
  throw new TvmNodeError('ERR_INVALID_MODEL', message)
}
