import { TvmNodeError } from '../errors.js'
import { getGlobalFunc, type Module, type NDArray, type PackedFunc } from '../runtime/index.js'
import type { ArtifactContents } from '../session/artifact.js'
import type { NamedTensors } from '../session/inputs.js'
import { operatorProfiles } from '../session/operator-profile.js'
import type { ProfileReport } from '../session/session.js'
import { summarize } from '../statistics.js'
import type { Tensor } from '../tensor.js'
import { timeOnBoard } from './board-timing.js'
import { need } from './remote-function.js'

const CPU = 1
/** A network on a board: code, graph executor and tensors are there (TVM v0.18, src/runtime/graph_executor). */
export class RemoteExecutor {
  private readonly inputs: readonly NDArray[]
  private readonly outputs: readonly NDArray[]
  private readonly runOnce: PackedFunc
  /** Made by the first profile; it has its own copy of the parameters. */
  private debugExecutor: Module | undefined

  private constructor(
    private readonly session: Module,
    private readonly contents: ArtifactContents,
    private readonly library: Module,
    private readonly executor: Module,
  ) {
    const { inputs, outputs } = contents.metadata
    using getInput = need(executor, 'get_input')
    this.inputs = inputs.map(({ internal }) => getInput(internal) as NDArray)
    using getOutput = need(executor, 'get_output')
    this.outputs = outputs.map((_, i) => getOutput(i) as NDArray)
    this.runOnce = need(executor, 'run')
  }

  /**
   * Brings an artifact to the board through a session.
   *
   * @param libraries - Code that the session has loaded, by its sum: a file in use must not be written again.
   */
  static open(session: Module, contents: ArtifactContents, libraries: Map<string, Module>): RemoteExecutor {
    const { executor: kind } = contents.metadata
    if (kind !== 'graph') {
      throw new TvmNodeError(
        'ERR_BOARD',
        `boards run networks of given extents; this one is for executor '${kind}'. Compile it with shapes, on the command line --shape`,
      )
    }
    const sum = contents.metadata.members['lib.so']?.sha256 ?? ''
    const library = libraries.get(sum) ?? uploadLibrary(session, sum, contents)
    libraries.set(sum, library)
    const executor = create(session, 'tvm.graph_executor.create', contents, library)
    return new RemoteExecutor(session, contents, library, executor)
  }

  run(inputs: NamedTensors): NamedTensors {
    this.setInputs(inputs)
    this.runOnce()
    return this.readOutputs()
  }

  /** Times whole runs on the board itself, then each operator. */
  profile(inputs: NamedTensors, repeat: number): ProfileReport {
    const outputs = this.run(inputs)
    const times = timeOnBoard(this.session, this.executor, 'run', [], { number: 1, repeat })
    this.debugExecutor ??= create(
      this.session,
      'tvm.graph_executor_debug.create',
      this.contents,
      this.library,
    )
    using getInput = need(this.debugExecutor, 'get_input')
    for (const { name, internal } of this.contents.metadata.inputs) {
      using array = getInput(internal) as NDArray
      array.copyFrom(inputs[name] as Tensor)
    }
    using profile = need(this.debugExecutor, 'profile_rpc')
    const report = profile() as string
    return {
      outputs,
      metrics: { latencyUs: summarize(times.map((seconds) => seconds * 1e6)) },
      profile: operatorProfiles(report),
    }
  }

  /** Frees what the board holds of the network. */
  dispose(): void {
    for (const handle of [...this.inputs, ...this.outputs, this.runOnce, this.executor]) handle.dispose()
    this.debugExecutor?.dispose()
  }

  private setInputs(inputs: NamedTensors): void {
    for (const [i, { name }] of this.contents.metadata.inputs.entries())
      this.inputs[i]?.copyFrom(inputs[name] as Tensor)
  }

  private readOutputs(): NamedTensors {
    return Object.fromEntries(
      this.contents.metadata.outputs.map(({ name, dtype, shape }, i) => {
        const { data } = (this.outputs[i] as NDArray).toTensor()
        return [name, { dtype, shape: [...shape], data }]
      }),
    )
  }
}

function uploadLibrary(session: Module, sum: string, { members }: ArtifactContents): Module {
  const name = `${sum.slice(0, 16)}.so`
  using upload = need(session, 'tvm.rpc.server.upload')
  upload(name, members['lib.so'])
  return getGlobalFunc('rpc.LoadRemoteModule')(session, name) as Module
}

function create(session: Module, name: string, { members }: ArtifactContents, library: Module): Module {
  const graph = Buffer.from(members['graph.json'] as Uint8Array).toString('utf8')
  using makeExecutor = need(session, name)
  const executor = makeExecutor(graph, library, CPU, 0) as Module
  using loadParams = need(executor, 'load_params')
  loadParams(members['params.bin'])
  return executor
}
