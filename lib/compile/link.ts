import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findBundle } from '../bundle/index.js'
import { TvmNodeError } from '../errors.js'
import { getGlobalFunc, type Module } from '../runtime/index.js'

const execute = promisify(execFile)

/**
 * Turns a built module into one shared library. `llvm` modules are linked by the bundle's `lld`; no compiler is needed.
 * Modules that need serialised companions get them packed in, as TVM's `export_library` does (TVM v0.18).
 *
 * @param folder - An existing private folder for intermediate files.
 * @param name - What the files there are called; the objects are removed again.
 * @returns The path of the library within `folder`.
 */
export async function linkSharedLibrary(module: Module, folder: string, name = 'lib'): Promise<string> {
  const objects = exportObjects(module, folder, name)
  const output = join(folder, `${name}.so`)
  const { lld, dir } = findBundle()
  if (!lld) throw new TvmNodeError('ERR_LINK', `there is no lld in ${dir}; run "npm run bundle"`)
  try {
    await execute(lld, ['-flavor', 'gnu', '-shared', '--build-id=none', '-o', output, ...objects], {
      env: { ...process.env, LD_LIBRARY_PATH: dir },
    })
  } catch (error) {
    const stderr = (error as { stderr?: string }).stderr?.trim()
    throw new TvmNodeError(
      'ERR_LINK',
      `linking the compiled model failed: ${stderr || (error as Error).message}`,
      {
        cause: error,
      },
    )
  } finally {
    await Promise.all(objects.map((path) => rm(path, { force: true })))
  }
  return output
}

function exportObjects(module: Module, folder: string, name: string): string[] {
  const DSO_EXPORTABLE = 4
  const objects: string[] = []
  const visit = (current: Module) => {
    const mask = getGlobalFunc('runtime.ModuleGetPropertyMask')(current) as number
    if (mask & DSO_EXPORTABLE && current.typeKey === 'llvm') {
      const path = join(folder, `${name}.${objects.length}.o`)
      current.saveToFile(path, 'o')
      objects.push(path)
    }
    current.imports.forEach(visit)
  }
  visit(module)
  if (module.imports.length > 0) {
    const target = module.getFunction('_get_target_string')?.() ?? 'llvm'
    const packed = getGlobalFunc('runtime.ModulePackImportsToLLVM')(module, false, target, '') as Module
    const path = join(folder, `${name}.imports.o`)
    packed.saveToFile(path, 'o')
    objects.push(path)
  }
  return objects
}
