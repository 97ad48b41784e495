import { TvmNodeError } from '../errors.js'
import type { CallThread, Module, PackedCall, PackedFunc, TvmArg, TvmValue } from '../runtime/index.js'
import type { ArtifactContents, ArtifactMetadata } from './artifact.js'
import type { NamedTensors } from './inputs.js'

/** What runs a loaded network, on a thread of its own. */
export interface Executor {
  /** Hands inputs over. Calls that the list begins with belong to a run on them. */
  prepare(inputs: NamedTensors): readonly PackedCall[]
  /** Runs the network once more on the same inputs. */
  readonly run: PackedCall
  /** Yield the outputs of the last run, in order. */
  readonly outputs: readonly PackedCall[]
  /** Yields the library's report on the operators of a run; only of executors made for profiling. */
  readonly profile: PackedCall
  dispose(): void
}

/** How executors of one kind are made of an artifact's members and its code. */
export interface ExecutorKind {
  open(contents: ArtifactContents, code: Module, on: CallThread, profiling: boolean): Promise<Executor>
}

/** Functions of a module of the library that are used again and again. */
export class ModuleFunctions {
  private readonly functions = new Map<string, PackedFunc>()

  constructor(
    private readonly module: Module,
    private readonly thread: CallThread,
  ) {}

  find(name: string): PackedFunc {
    let found = this.functions.get(name)
    if (!found) {
      const looked = this.module.getFunction(name)
      if (!looked) throw new TvmNodeError('ERR_UNKNOWN_FUNCTION', `the executor has no function '${name}'`)
      found = looked
      this.functions.set(name, found)
    }
    return found
  }

  packed(name: string, ...args: TvmArg[]): PackedCall {
    return [this.find(name), args]
  }

  async call(name: string, ...args: TvmArg[]): Promise<TvmValue> {
    const { values } = await this.thread.run([this.packed(name, ...args)])
    return values[0] as TvmValue
  }

  dispose(): void {
    for (const func of this.functions.values()) func.dispose()
    this.functions.clear()
    this.module.dispose()
  }
}

/** Calls that yield the outputs one by one. */
export function outputCalls(functions: ModuleFunctions, { outputs }: ArtifactMetadata): PackedCall[] {
  return outputs.map((_, i) => functions.packed('get_output', i))
}

/** A member that artifacts of a kind have. */
export function memberOf({ members, metadata }: ArtifactContents, name: string): Uint8Array {
  const member = members[name]
  if (member) return member
  throw new TvmNodeError(
    'ERR_ARTIFACT_DAMAGED',
    `an artifact for executor '${metadata.executor}' lacks ${name}`,
  )
}
