import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findBundle, missing } from '../bundle/index.js'
import { TvmNodeError } from '../errors.js'

const execute = promisify(execFile)

/**
 * Links object files to one shared library with the bundle's `lld`, so that no compiler is needed, or with the compiler that is named.
 * The objects are removed.
 *
 * @param folder - An existing private folder, where the library is written.
 * @param name - What the library is called there.
 * @param compiler - A C or C++ compiler for the target.
 * @returns The path of the library.
 * @throws `ERR_LINK`
 */
export async function linkSharedLibrary(
  objects: readonly string[],
  folder: string,
  name = 'lib',
  compiler?: string,
): Promise<string> {
  const output = join(folder, `${name}.so`)
  const [command, ...flags] = linker(compiler)
  try {
    await execute(command, [...flags, '-o', output, ...objects])
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

/** @throws `ERR_LINK` */
function linker(compiler: string | undefined): [command: string, ...flags: string[]] {
  if (compiler !== undefined) return [compiler, '-shared', '-fPIC']
  const bundle = findBundle()
  if (bundle.lld) return [bundle.lld, '-flavor', 'gnu', '-shared', '--build-id=none']
  throw new TvmNodeError('ERR_LINK', missing('linker lld', bundle))
}
