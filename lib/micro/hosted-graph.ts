import { remoteCpu } from '../rpc/board-timing.js'
import { RemoteExecutor } from '../rpc/remote-executor.js'
import { need } from '../rpc/remote-function.js'
import { getGlobalFunc, type Module, type PackedFunc } from '../runtime/index.js'
import type { ArtifactContents } from '../session/artifact.js'
import type { NamedTensors } from '../session/inputs.js'
import { operatorShares } from '../session/operator-profile.js'
import type { BoardUsage, OperatorProfile, ProfileReport } from '../session/session.js'
import { summarize } from '../statistics.js'
import { boardUsage } from './board-usage.js'

/**
 * A network that this machine's graph executor drives: the operators are the system library of a board's program, the tensors are in
 * the board's memory, and each operator is a call through the session (TVM v0.18, python/tvm/micro/session.py,
 * create_local_graph_executor).
 */
export class HostedGraph extends RemoteExecutor {
  private readonly executeNode: PackedFunc

  private constructor(
    session: Module,
    { metadata }: ArtifactContents,
    executor: Module,
    private readonly nodes: readonly string[],
  ) {
    super(
      session,
      metadata,
      executor,
      metadata.inputs.map(({ internal }) => internal),
    )
    this.executeNode = need(executor, 'execute_node')
  }

  static open(session: Module, contents: ArtifactContents): HostedGraph {
    const { members } = contents
    const graph = Buffer.from(members['graph.json'] as Uint8Array).toString('utf8')
    using library = need(session, 'runtime.SystemLib')() as Module
    // The one for debugging runs single operators, too.
    const create = getGlobalFunc('tvm.graph_executor_debug.create')
    const executor = create(graph, library, remoteCpu(session), 0) as Module
    using loadParams = need(executor, 'load_params')
    loadParams(members['params.bin'])
    const { nodes } = JSON.parse(graph) as { nodes: readonly { readonly name: string }[] }
    return new HostedGraph(
      session,
      contents,
      executor,
      nodes.map(({ name }) => name),
    )
  }

  /** By the board's clock, which stands still between operators. */
  override profile(inputs: NamedTensors, repeat: number): ProfileReport {
    const outputs = this.run(inputs)
    this.usage()
    const times = Array.from({ length: repeat }, () => {
      this.runOnce()
      return this.usage().us
    })
    return { outputs, metrics: { latencyUs: summarize(times) }, profile: this.timeOperators() }
  }

  protected timeOperators(): readonly OperatorProfile[] {
    const calls = this.nodes.map((name, node) => {
      this.executeNode(node)
      return { name, durationUs: this.usage().us, device: 'board' }
    })
    return operatorShares(calls.filter(({ durationUs }) => durationUs > 0))
  }

  override usage(): BoardUsage {
    return boardUsage(this.session)
  }

  override dispose(): void {
    this.executeNode.dispose()
    super.dispose()
  }
}
