import { readArtifact } from '../session/artifact.js'
import type { ArtifactSource } from '../session/load.js'
import { programMemory } from '../session/program-memory.js'
import { byteLength, type DType } from '../tensor.js'

/** Bytes that a compiled network needs while it runs. */
export interface MemoryNeed {
  readonly parameters: number
  /** Inputs, outputs and intermediate results, which share memory where the plan says so. */
  readonly workspace: number
}

interface GraphJson {
  readonly nodes: readonly { readonly op: string; readonly name: string }[]
  readonly node_row_ptr: readonly number[]
  readonly attrs: {
    readonly storage_id: readonly [string, readonly number[]]
    readonly shape: readonly [string, readonly (readonly number[])[]]
    readonly dltype: readonly [string, readonly DType[]]
  }
}

/** Reads the need off the artifact (TVM v0.18, src/runtime/graph_executor/graph_executor.cc, SetupStorage). */
export async function memoryNeed(artifact: ArtifactSource): Promise<MemoryNeed> {
  const path = typeof artifact === 'string' ? artifact : artifact.path
  const contents = await readArtifact(path)
  const program = programMemory(contents)
  if (program) return { parameters: program.constants, workspace: program.workspace + program.io }
  const { metadata, members } = contents
  const { nodes, node_row_ptr, attrs } = JSON.parse(
    Buffer.from(members['graph.json'] as Uint8Array).toString('utf8'),
  ) as GraphJson
  const inputs = new Set(metadata.inputs.map(({ internal }) => internal))
  const rooms = new Map<number, number>()
  let parameters = 0
  for (const [i, { op, name }] of nodes.entries()) {
    for (let entry = node_row_ptr[i] as number; entry < (node_row_ptr[i + 1] as number); entry++) {
      const size = byteLength(attrs.dltype[1][entry] as DType, attrs.shape[1][entry] as number[])
      const storage = attrs.storage_id[1][entry] as number
      if (op === 'null' && !inputs.has(name)) parameters += size
      else rooms.set(storage, Math.max(rooms.get(storage) ?? 0, size))
    }
  }
  return { parameters, workspace: [...rooms.values()].reduce((sum, size) => sum + size, 0) }
}
