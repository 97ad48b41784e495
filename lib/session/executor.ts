import { TvmNodeError } from '../errors.js'
import type {
  CallResults,
  CallThread,
  Module,
  NDArray,
  PackedFunc,
  TvmArg,
  TvmValue,
} from '../runtime/index.js'

/** A function of the executor with its arguments. */
export type ExecutorCall = readonly [name: string, ...args: TvmArg[]]

/** A graph executor and the functions of it that are used again and again (TVM v0.18, src/runtime/graph_executor). */
export class Executor {
  /** The memory of the inputs, by their names within the graph. */
  readonly inputs = new Map<string, NDArray>()
  private readonly functions = new Map<string, PackedFunc>()

  private constructor(
    private readonly module: Module,
    private readonly thread: CallThread,
  ) {}

  static async open(module: Module, thread: CallThread, inputs: readonly string[]): Promise<Executor> {
    const executor = new Executor(module, thread)
    for (const name of inputs) {
      // Null where the graph does not use the input.
      const array = (await executor.call('get_input', name)) as NDArray | null
      if (array) executor.inputs.set(name, array)
    }
    return executor
  }

  async call(name: string, ...args: TvmArg[]): Promise<TvmValue> {
    const { values } = await this.calls([[name, ...args]])
    return values[0] as TvmValue
  }

  /** Runs some of the executor's functions in a row on its thread. */
  calls(list: readonly ExecutorCall[]): Promise<CallResults> {
    return this.thread.run(this.resolve(list))
  }

  /** The same on the calling thread. */
  callsHere(list: readonly ExecutorCall[]): CallResults {
    return this.thread.runHere(this.resolve(list))
  }

  private resolve(list: readonly ExecutorCall[]) {
    return list.map(([name, ...args]) => [this.find(name), args] as const)
  }

  private find(name: string): PackedFunc {
    let found = this.functions.get(name)
    if (!found) {
      const looked = this.module.getFunction(name)
      if (!looked) throw new TvmNodeError('ERR_UNKNOWN_FUNCTION', `the executor has no function '${name}'`)
      found = looked
      this.functions.set(name, found)
    }
    return found
  }

  dispose(): void {
    for (const func of this.functions.values()) func.dispose()
    this.functions.clear()
    for (const array of this.inputs.values()) array.dispose()
    this.inputs.clear()
    this.module.dispose()
  }
}
