import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { IRModule } from '../ir/module.js'
import { TensorType, TupleType, type Type, UNKNOWN_DIM } from '../ir/relay.js'
import { rewrite } from '../ir/rewrite.js'
import type { Target } from '../ir/target.js'
import { withPassContext } from '../ir/transform.js'
import { getGlobalFunc, type Module, registerFunc } from '../runtime/index.js'
import { type BuildOptions, passSettings } from './build.js'
import { passesDone } from './optimize.js'

/** A network as a program for Relay's virtual machine, and the code that the program calls. */
export interface VmProgram {
  readonly bytecode: Uint8Array
  readonly module: Module
}

/** Whether a network whose types are known has extents that only a run knows. */
export function hasOpenExtents(mod: IRModule): boolean {
  let found = false
  rewrite(mod.lookup(), (expr) => {
    found ||= isOpen(expr.get('_checked_type_') as Type)
    return expr
  })
  return found
}

function isOpen(type: Type): boolean {
  if (type instanceof TupleType) return type.fields.some(isOpen)
  return type instanceof TensorType && type.shape.includes(UNKNOWN_DIM)
}

/** The library looks for its prelude in a folder (TVM v0.18, src/ir/module.cc, ImportFromStd). */
const PRELUDE = '#[version = "0.0.5"]\nextern type Storage\n'

/**
 * Lowers an optimised network for the virtual machine, which finds the extents of results while it runs (TVM v0.18,
 * src/relay/backend/vm/compiler.cc).
 *
 * @param folder - An existing private folder.
 */
export function lowerVm(mod: IRModule, target: Target, options: BuildOptions, folder: string): VmProgram {
  options.onStep?.('codegen')
  mkdirSync(join(folder, 'prelude'), { recursive: true })
  writeFileSync(join(folder, 'prelude', 'core.rly'), PRELUDE)
  registerFunc('tvm.relay.std_path', () => join(folder, 'prelude'), { override: true })
  const { optLevel, config } = passSettings(target, options)
  // Kernels check what their operands' extents have to do with each other, which nobody knows before.
  const checked = { ...config, 'tir.disable_assert': false }
  return withPassContext({ optLevel, config: checked, disabledPasses: passesDone }, () => {
    const compiler = getGlobalFunc('relay._vm._VMCompiler')() as Module
    const invoke = (of: Module, name: string, ...args: Parameters<ReturnType<typeof getGlobalFunc>>) => {
      const found = of.getFunction(name)
      if (!found) throw new Error(`the library's virtual machine compiler has no function ${name}`)
      return found(...args)
    }
    invoke(compiler, 'lower', mod, [target])
    invoke(compiler, 'codegen')
    const executable = invoke(compiler, 'get_executable') as Module
    return {
      bytecode: invoke(executable, 'save') as Uint8Array,
      module: invoke(executable, 'get_lib') as Module,
    }
  })
}
