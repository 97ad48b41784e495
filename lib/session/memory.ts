import { TvmNodeError } from '../errors.js'
import { byteLength, type DType } from '../tensor.js'
import { type ArtifactContents, readArtifact } from './artifact.js'
import type { ArtifactSource } from './load.js'
import { programMemory } from './program-memory.js'

/** Bytes that a compiled network needs while it runs. */
export interface MemoryNeed {
  readonly parameters: number
  /** Inputs, outputs and intermediate results, which share memory where the plan says so. */
  readonly workspace: number
}

/** A tensor that is not a parameter, and when it is needed. Steps are calls in order of execution, counted from 0. */
export interface TensorLifetime {
  /** The call that yields it, or the name of an input. */
  readonly name: string
  readonly bytes: number
  /** The step that yields it; -1 for inputs. */
  readonly from: number
  /** The last step that reads it; for outputs the last of all. */
  readonly to: number
  /** The piece of memory that the plan gives it; several tensors take turns in one. */
  readonly storage: number
}

/** What is in memory while a call runs. */
export interface MemoryStep {
  readonly name: string
  /** Of the tensors that it reads and yields and those that later calls read. */
  readonly liveBytes: number
}

/** What a compiled network has in memory while it runs, call by call; all sizes in bytes. */
export interface MemoryAnalysis extends MemoryNeed {
  readonly steps: readonly MemoryStep[]
  /** The most that is live at once: what a perfect plan would need. `workspace` is what the plan has. */
  readonly peak: {
    readonly step: number
    readonly bytes: number
    readonly tensors: readonly TensorLifetime[]
  }
  readonly tensors: readonly TensorLifetime[]
}

interface GraphJson {
  readonly nodes: readonly {
    readonly op: string
    readonly name: string
    readonly inputs: readonly (readonly [node: number, index: number, version: number])[]
  }[]
  readonly heads: readonly (readonly [node: number, index: number, version: number])[]
  readonly node_row_ptr: readonly number[]
  readonly attrs: {
    readonly storage_id: readonly [string, readonly number[]]
    readonly shape: readonly [string, readonly (readonly number[])[]]
    readonly dltype: readonly [string, readonly DType[]]
  }
}

/** The graph executor's graph (TVM v0.18, src/runtime/graph_executor/graph_executor.h), with sizes. */
class Graph {
  constructor(
    private readonly json: GraphJson,
    private readonly inputs: ReadonlySet<string>,
  ) {}

  /** @throws `ERR_NOT_AVAILABLE` for artifacts of other executors */
  static of({ metadata, members }: ArtifactContents): Graph {
    const graph = members['graph.json']
    if (!graph) {
      throw new TvmNodeError(
        'ERR_NOT_AVAILABLE',
        `what is in memory when is known for the graph executor only; this artifact is for '${metadata.executor}'`,
        { details: { executor: metadata.executor } },
      )
    }
    const json = JSON.parse(Buffer.from(graph).toString('utf8')) as GraphJson
    return new Graph(json, new Set(metadata.inputs.map(({ internal }) => internal)))
  }

  /** Every tensor that is not a parameter, and the bytes of those that are. */
  read(): { parameters: number; tensors: TensorLifetime[]; calls: string[] } {
    const { nodes, node_row_ptr, attrs, heads } = this.json
    const calls: string[] = []
    const entries = new Map<
      number,
      { name: string; bytes: number; from: number; to: number; storage: number }
    >()
    const entry = ([node, index]: readonly number[]) =>
      (node_row_ptr[node as number] as number) + (index as number)
    let parameters = 0
    for (const [i, { op, name, inputs }] of nodes.entries()) {
      const isCall = op !== 'null'
      const from = isCall ? calls.push(name) - 1 : -1
      for (const read of inputs) {
        const tensor = entries.get(entry(read))
        if (tensor) tensor.to = from
      }
      for (let at = node_row_ptr[i] as number; at < (node_row_ptr[i + 1] as number); at++) {
        const bytes = byteLength(attrs.dltype[1][at] as DType, attrs.shape[1][at] as number[])
        if (!isCall && !this.inputs.has(name)) parameters += bytes
        else entries.set(at, { name, bytes, from, to: from, storage: attrs.storage_id[1][at] as number })
      }
    }
    for (const head of heads) {
      const tensor = entries.get(entry(head))
      if (tensor) tensor.to = Math.max(0, calls.length - 1)
    }
    return { parameters, tensors: [...entries.values()], calls }
  }
}

/** Reads the need off an artifact (TVM v0.18, src/runtime/graph_executor/graph_executor.cc, SetupStorage). */
export async function memoryNeed(artifact: ArtifactSource): Promise<MemoryNeed> {
  const contents = await contentsOf(artifact)
  const program = programMemory(contents)
  if (program) return { parameters: program.constants, workspace: program.workspace + program.io }
  const { parameters, tensors } = Graph.of(contents).read()
  return { parameters, workspace: held(tensors) }
}

/** As `memoryNeed`, with the life of each tensor. @throws `ERR_NOT_AVAILABLE` for other executors; as `readArtifact` */
export async function analyzeMemory(artifact: ArtifactSource): Promise<MemoryAnalysis> {
  const { parameters, tensors, calls } = Graph.of(await contentsOf(artifact)).read()
  const steps = calls.map((name, step) => ({
    name,
    liveBytes: held(liveAt(tensors, step)),
  }))
  const bytes = Math.max(0, ...steps.map(({ liveBytes }) => liveBytes))
  const step = steps.findIndex(({ liveBytes }) => liveBytes === bytes)
  const largestFirst = liveAt(tensors, step).sort((a, b) => b.bytes - a.bytes)
  return {
    parameters,
    workspace: held(tensors),
    steps,
    peak: { step, bytes, tensors: largestFirst },
    tensors,
  }
}

/** Tensors in one piece of memory, such as a reshaped one and what it was before, take it once. */
function held(tensors: readonly TensorLifetime[]): number {
  const rooms = new Map<number, number>()
  for (const { storage, bytes } of tensors) rooms.set(storage, Math.max(rooms.get(storage) ?? 0, bytes))
  return [...rooms.values()].reduce((sum, size) => sum + size, 0)
}

function contentsOf(artifact: ArtifactSource): Promise<ArtifactContents> {
  return readArtifact(typeof artifact === 'string' ? artifact : artifact.path)
}

function liveAt(tensors: readonly TensorLifetime[], step: number): TensorLifetime[] {
  return tensors.filter(({ from, to }) => from <= step && to >= step)
}
