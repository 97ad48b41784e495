import {
  type CallThread,
  getGlobalFunc,
  type Module,
  type NDArray,
  type PackedCall,
} from '../runtime/index.js'
import type { ArtifactContents, InputInfo } from './artifact.js'
import { type Executor, type ExecutorKind, ModuleFunctions, memberOf, outputCalls } from './executor.js'
import type { NamedTensors } from './inputs.js'

const CPU = 1

/** Networks whose extents are all known (TVM v0.18, src/runtime/graph_executor): inputs and results have memory of their own. */
export const graphExecutor: ExecutorKind = {
  async open(contents, code, thread, profiling) {
    const create = getGlobalFunc(profiling ? 'tvm.graph_executor_debug.create' : 'tvm.graph_executor.create')
    const graph = Buffer.from(memberOf(contents, 'graph.json')).toString('utf8')
    const module = (await create.callOn(thread, graph, code, CPU, 0)) as Module
    return GraphExecutor.open(contents, module, thread)
  },
}

class GraphExecutor implements Executor {
  readonly run: PackedCall
  readonly outputs: readonly PackedCall[]
  /** The memory of the inputs, by their names. */
  private readonly memory = new Map<string, NDArray>()

  private constructor(
    private readonly functions: ModuleFunctions,
    { metadata }: ArtifactContents,
  ) {
    this.run = functions.packed('run')
    this.outputs = outputCalls(functions, metadata)
  }

  static async open(contents: ArtifactContents, module: Module, thread: CallThread): Promise<GraphExecutor> {
    const functions = new ModuleFunctions(module, thread)
    const executor = new GraphExecutor(functions, contents)
    for (const { name, internal } of contents.metadata.inputs satisfies readonly InputInfo[]) {
      // Null where the graph does not use the input.
      const array = (await functions.call('get_input', internal)) as NDArray | null
      if (array) executor.memory.set(name, array)
    }
    await functions.call('load_params', memberOf(contents, 'params.bin'))
    return executor
  }

  get profile(): PackedCall {
    return this.functions.packed('profile', [])
  }

  /** Writes into the executor's own memory, which no run uses at the time. */
  prepare(inputs: NamedTensors): readonly PackedCall[] {
    for (const [name, array] of this.memory) array.copyFrom(inputs[name] as NamedTensors[string])
    return []
  }

  dispose(): void {
    this.functions.dispose()
    for (const array of this.memory.values()) array.dispose()
    this.memory.clear()
  }
}
