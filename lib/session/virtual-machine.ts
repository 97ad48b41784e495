import { getGlobalFunc, type Module, NDArray, type PackedCall } from '../runtime/index.js'
import type { ArtifactContents } from './artifact.js'
import { type Executor, type ExecutorKind, ModuleFunctions, memberOf, outputCalls } from './executor.js'
import type { NamedTensors } from './inputs.js'

const CPU = 1
/** Memory that was freed is used again (TVM v0.18, include/tvm/runtime/vm/memory_manager.h). */
const POOLED = 2
const MAIN = 'main'

/** Networks with extents that only a run knows (TVM v0.18, src/runtime/vm): memory is allocated as a run goes. */
export const virtualMachine: ExecutorKind = {
  async open(contents, code, thread, profiling) {
    const load = getGlobalFunc('runtime.Load_Executable')
    const program = (await load.callOn(thread, memberOf(contents, 'program.vm'), code)) as Module
    const make = getGlobalFunc(profiling ? 'runtime._VirtualMachineDebug' : 'runtime._VirtualMachine')
    const module = (await make.callOn(thread, program)) as Module
    const machine = new VirtualMachine(program, new ModuleFunctions(module, thread), contents)
    await machine.init()
    return machine
  },
}

class VirtualMachine implements Executor {
  readonly run: PackedCall
  readonly outputs: readonly PackedCall[]
  /** Those of the last run. */
  private inputs: readonly NDArray[] = []

  constructor(
    private readonly program: Module,
    private readonly functions: ModuleFunctions,
    private readonly contents: ArtifactContents,
  ) {
    this.run = functions.packed('invoke', MAIN)
    this.outputs = outputCalls(functions, contents.metadata)
  }

  async init(): Promise<void> {
    await this.functions.call('init', CPU, 0, POOLED)
  }

  get profile(): PackedCall {
    return this.functions.packed('profile', MAIN, [])
  }

  prepare(inputs: NamedTensors): readonly PackedCall[] {
    const before = this.inputs
    this.inputs = this.contents.metadata.inputs.map(({ name }) =>
      copied(inputs[name] as NamedTensors[string]),
    )
    for (const array of before) array.dispose()
    return [this.functions.packed('set_input', MAIN, ...this.inputs)]
  }

  dispose(): void {
    this.functions.dispose()
    this.program.dispose()
    for (const array of this.inputs) array.dispose()
  }
}

/** An array of its own: the caller may change the tensor while the network runs. */
function copied(tensor: NamedTensors[string]): NDArray {
  const array = NDArray.empty(tensor.shape, tensor.dtype)
  array.copyFrom(tensor)
  return array
}
