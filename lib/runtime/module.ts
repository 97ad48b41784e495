import { native } from '../native.js'
import { Handle } from './handle.js'
import { getGlobalFunc, type PackedFunc } from './packed-func.js'

/** Compiled code: functions by name, and the modules it imports (TVM v0.18, include/tvm/runtime/module.h). */
export class Module extends Handle {
  /** `llvm`, `c`, `library`, `GraphExecutor`, ... */
  get typeKey(): string {
    return getGlobalFunc('runtime.ModuleGetTypeKey')(this) as string
  }
  getFunction(name: string, queryImports = false): PackedFunc | null {
    return native.moduleGetFunction(this, name, queryImports) as unknown as PackedFunc | null
  }
  get imports(): Module[] {
    const count = getGlobalFunc('runtime.ModuleImportsSize')(this) as number
    return Array.from(
      { length: count },
      (_, i) => getGlobalFunc('runtime.ModuleGetImport')(this, i) as Module,
    )
  }
  import(dependency: Module): void {
    native.moduleImport(this, dependency)
  }
  saveToFile(path: string, format: string): void {
    getGlobalFunc('runtime.ModuleSaveToFile')(this, path, format)
  }
  getSource(format = ''): string {
    return getGlobalFunc('runtime.ModuleGetSource')(this, format) as string
  }
}

/** Opens a shared library or another file that the library has a loader for. */
export function loadModuleFromFile(path: string, format = ''): Module {
  return native.moduleLoad(path, format) as Module
}
