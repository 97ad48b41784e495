import { native } from '../native.js'
import { remoteCpu } from '../rpc/board-timing.js'
import { RemoteExecutor } from '../rpc/remote-executor.js'
import { need } from '../rpc/remote-function.js'
import type { Module } from '../runtime/index.js'
import type { ArtifactMetadata } from '../session/artifact.js'
import type { BoardUsage, OperatorProfile } from '../session/session.js'

/** What the network is called within a board's program. */
const NAME = 'default'
const NUMBER = 8

/** The network that is part of a board's program, with TVM's ahead-of-time executor (see native/board/src/aot_executor.c). */
export class RemoteProgram extends RemoteExecutor {
  private constructor(session: Module, metadata: ArtifactMetadata, executor: Module) {
    super(session, metadata, executor, [...metadata.inputs.keys()])
  }

  static open(session: Module, metadata: ArtifactMetadata): RemoteProgram {
    using library = need(session, 'runtime.SystemLib')() as Module
    const create = need(session, 'tvm.aot_executor.create')
    const executor = create(library, native.device(remoteCpu(session), 0), NAME) as Module
    return new RemoteProgram(session, metadata, executor)
  }

  /** The operators are one program, of which only the whole can be timed. */
  protected timeOperators(): readonly OperatorProfile[] {
    return []
  }

  override usage(): BoardUsage {
    const bytes = Buffer.from(need(this.session, 'tvm_node.board.statistics')() as Uint8Array)
    const number = (i: number) => Number(bytes.readBigUInt64LE(i * NUMBER))
    const [ticksPerSecond, isCounting, ticks, variables] = [number(0), number(1), number(2), number(3)]
    const [arenaPeak, stackPeak] = [number(6), number(8)]
    return {
      ...(isCounting ? { instructions: ticks } : {}),
      us: (ticks / ticksPerSecond) * 1e6,
      memory: { variables, heap: arenaPeak, stack: stackPeak },
    }
  }
}
