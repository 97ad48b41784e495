import { operatorTable } from '../micro/operator-table.js'
import type { ArtifactPieces, InputInfo } from '../session/artifact.js'
import { parameterPieces } from '../session/parameters.js'
import { type MemoryShare, PROGRAM_MEMORY, type ProgramMemory } from '../session/program-memory.js'
import { byteLength, type DType } from '../tensor.js'
import { sourceOf } from './c/source.js'
import { generateModule } from './codegen.js'
import type { Lowered } from './lower.js'

/** What is used here of the graph executor's graph (TVM v0.18, src/runtime/graph_executor/graph_executor.h). */
interface Graph {
  readonly nodes: readonly {
    readonly op: string
    readonly name: string
    readonly attrs?: { readonly func_name: string }
  }[]
  readonly node_row_ptr: readonly number[]
  readonly attrs: {
    readonly storage_id: readonly [string, readonly number[]]
    readonly shape: readonly [string, readonly (readonly number[])[]]
    readonly dltype: readonly [string, readonly DType[]]
  }
}

/** What the library has in place of the function of an operator that does nothing. */
const NOTHING = '__nop'

/**
 * Members of an artifact whose operators are a board's program, and whose graph is executed by the host in a session with it (see
 * `micro/hosted-graph.ts`).
 */
export function hostedProgram(lowered: Lowered, inputs: readonly InputInfo[]): ArtifactPieces {
  const graph = JSON.parse(lowered.graph) as Graph
  const called = graph.nodes.flatMap(({ attrs }) => (attrs ? [attrs.func_name] : []))
  const functions = [...new Set(called)].filter((name) => name !== NOTHING)
  return {
    [PROGRAM_MEMORY]: [Buffer.from(JSON.stringify(memoryOf(graph, inputs)))],
    'graph.json': [Buffer.from(lowered.graph)],
    'params.bin': parameterPieces(lowered.params),
    'src/operators.c': [Buffer.from(sourceOf(generateModule(lowered)))],
    'src/model.c': [Buffer.from(operatorTable(functions))],
  }
}

/** All tensors are in the board's heap, parameters too; those that share storage have it one after the other. */
function memoryOf({ nodes, node_row_ptr: rows, attrs }: Graph, inputs: readonly InputInfo[]): ProgramMemory {
  const given = new Set(inputs.map(({ internal }) => internal))
  const storage = new Map<number, number>()
  const largest: MemoryShare[] = []
  for (const [i, { op, name }] of nodes.entries()) {
    for (let at = rows[i] as number; at < (rows[i + 1] as number); at++) {
      const bytes = byteLength(attrs.dltype[1][at] as DType, attrs.shape[1][at] as number[])
      const id = attrs.storage_id[1][at] as number
      storage.set(id, Math.max(bytes, storage.get(id) ?? 0))
      const kind = op !== 'null' ? 'operator' : given.has(name) ? 'input' : 'parameter'
      largest.push({ kind, name, bytes })
    }
  }
  return {
    workspace: [...storage.values()].reduce((sum, bytes) => sum + bytes, 0),
    constants: 0,
    io: 0,
    largest: largest.sort((a, b) => b.bytes - a.bytes).slice(0, MOST_SHARES),
  }
}
const MOST_SHARES = 32
