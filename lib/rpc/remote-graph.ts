import { TvmNodeError } from '../errors.js'
import { getGlobalFunc, type Module, type NDArray } from '../runtime/index.js'
import type { ArtifactContents } from '../session/artifact.js'
import type { NamedTensors } from '../session/inputs.js'
import { operatorProfiles } from '../session/operator-profile.js'
import type { OperatorProfile } from '../session/session.js'
import type { Tensor } from '../tensor.js'
import { RemoteExecutor } from './remote-executor.js'
import { need } from './remote-function.js'

const CPU = 1

/** A network on a board that has TVM's graph executor (TVM v0.18, src/runtime/graph_executor). */
export class RemoteGraph extends RemoteExecutor {
  /** Made by the first profile; it has its own copy of the parameters. */
  private debugExecutor: Module | undefined

  private constructor(
    session: Module,
    private readonly contents: ArtifactContents,
    private readonly library: Module,
  ) {
    const executor = create(session, 'tvm.graph_executor.create', contents, library)
    const { metadata } = contents
    super(
      session,
      metadata,
      executor,
      metadata.inputs.map(({ internal }) => internal),
    )
  }

  /**
   * Brings an artifact to the board through a session.
   *
   * @param libraries - Code that the session has loaded, by its sum: a file in use must not be written again.
   */
  static open(session: Module, contents: ArtifactContents, libraries: Map<string, Module>): RemoteGraph {
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
    return new RemoteGraph(session, contents, library)
  }

  protected timeOperators(inputs: NamedTensors): readonly OperatorProfile[] {
    const { session, contents, library } = this
    this.debugExecutor ??= create(session, 'tvm.graph_executor_debug.create', contents, library)
    using getInput = need(this.debugExecutor, 'get_input')
    for (const { name, internal } of this.metadata.inputs) {
      using array = getInput(internal) as NDArray
      array.copyFrom(inputs[name] as Tensor)
    }
    using profile = need(this.debugExecutor, 'profile_rpc')
    return operatorProfiles(profile() as string)
  }

  override dispose(): void {
    super.dispose()
    this.debugExecutor?.dispose()
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
