import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { optimizeRelay } from '#lib/compile/build.js'
import { lowerVm } from '#lib/compile/vm.js'
import { type ImportOptions, importModel } from '#lib/frontend/onnx/import.js'
import { target } from '#lib/ir/target.js'
import { getGlobalFunc, type Module, NDArray } from '#lib/runtime/index.js'
import type { Tensor } from '#lib/tensor.js'
import { expectClose, runReference, type Tensors } from './run-onnx.js'

/** Imports a model with its dimensions open and builds it for the virtual machine; yields what runs it, in this process. */
export function openNetwork(
  model: string | Uint8Array,
  options: ImportOptions & { optLevel?: number } = {},
): (feeds: Tensors) => Tensors {
  const imported = importModel(model, { open: 'all', ...options })
  const on = target('llvm')
  const { optLevel = 3 } = options
  const mod = optimizeRelay(imported.func, on, { optLevel })
  const folder = mkdtempSync(join(tmpdir(), 'tvm-node-open-'))
  const program = lowerVm(mod, on, { optLevel }, folder)
  rmSync(folder, { recursive: true })
  const load = getGlobalFunc('runtime.Load_Executable')
  const executable = load(program.bytecode, program.module) as Module
  const machine = executable.getFunction('vm_load_executable')?.() as Module
  const call = (name: string, ...args: unknown[]) => machine.getFunction(name)?.(...(args as never[]))
  call('init', 1, 0, 2)
  return (feeds) => {
    call('set_input', 'main', ...imported.inputs.map(({ name }) => NDArray.from(feeds[name] as Tensor)))
    call('invoke', 'main')
    return Object.fromEntries(
      imported.outputs.map(({ name }, i) => [name, (call('get_output', i) as NDArray).toTensor()]),
    )
  }
}

/** Compares a network with ONNX Runtime on inputs of several shapes. */
export async function expectOpenAgrees(
  model: Uint8Array,
  cases: readonly Tensors[],
  tolerance: { rtol?: number; atol?: number } = {},
): Promise<void> {
  const run = openNetwork(model)
  for (const feeds of cases) expectClose(run(feeds), await runReference(model, feeds), tolerance)
}
