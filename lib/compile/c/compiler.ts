import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { C_BACKEND, C_FLAGS, type CCompiler, findCCompiler, runCompiler } from '../../c-compiler.js'

/**
 * Compiles generated C to an object file for a shared library.
 *
 * @throws `ERR_NO_C_COMPILER`, `ERR_C_COMPILER`
 */
export async function compileSource(source: string, output: string): Promise<void> {
  const path = output.replace(/\.o$/, '.c')
  await writeFile(path, source)
  try {
    await compileFile(path, output)
  } finally {
    await rm(path, { force: true })
  }
}

/** What generated C calls, as an object file for the same shared library. */
export async function compileForwarders(folder: string): Promise<string> {
  const output = join(folder, 'forward.o')
  await compileFile(join(C_BACKEND, 'forward.c'), output)
  return output
}

let found: Promise<CCompiler> | undefined

async function compileFile(path: string, output: string): Promise<void> {
  found ??= findCCompiler()
  const { command } = await found
  const args = ['-fPIC', '-fvisibility=hidden', '-w', '-I', C_BACKEND, '-c', path, '-o', output]
  await runCompiler(command, [...C_FLAGS, ...args])
}
