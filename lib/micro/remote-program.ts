import { native } from '../native.js'
import { remoteCpu } from '../rpc/board-timing.js'
import { RemoteExecutor } from '../rpc/remote-executor.js'
import { need } from '../rpc/remote-function.js'
import type { Module } from '../runtime/index.js'
import type { ArtifactMetadata } from '../session/artifact.js'
import type { BoardUsage, OperatorProfile } from '../session/session.js'
import { boardUsage } from './board-usage.js'

/** What the network is called within a board's program. */
const NAME = 'default'

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
    return boardUsage(this.session)
  }
}
