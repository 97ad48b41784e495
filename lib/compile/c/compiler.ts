import { execFile } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { TvmNodeError } from '../../errors.js'

const execute = promisify(execFile)

/** What generated C includes, and what its shared libraries have beside it. */
export const C_BACKEND = fileURLToPath(new URL('../../../native/c-backend', import.meta.url))

/** Options for generated C of any use. */
export const C_FLAGS: readonly string[] = [
  '-std=gnu99',
  '-O3',
  // The same memory holds numbers of one type after another.
  '-fno-strict-aliasing',
]

/** A C compiler on this machine. */
export interface CCompiler {
  readonly command: string
  /** The first line that it says of itself. */
  readonly version: string
}

/**
 * Finds the system's C compiler: `CC` of the environment, else `cc`, `gcc` or `clang` on PATH.
 *
 * @throws `ERR_NO_C_COMPILER`
 */
export async function findCCompiler(env: NodeJS.ProcessEnv = process.env): Promise<CCompiler> {
  const candidates = env.CC ? [env.CC] : ['cc', 'gcc', 'clang']
  for (const command of candidates) {
    try {
      const { stdout } = await execute(command, ['--version'], { timeout: 10_000, env })
      return { command, version: stdout.split('\n')[0] ?? '' }
    } catch {
      // The next one may be there.
    }
  }
  throw new TvmNodeError(
    'ERR_NO_C_COMPILER',
    `no C compiler was found (looked for ${candidates.join(', ')}): code for targets of kind 'c' needs one. Install gcc or clang (Debian: "apt-get install gcc libc6-dev"), or name one by the variable CC`,
    { details: { searched: candidates } },
  )
}

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
  const args = [...C_FLAGS, '-fPIC', '-fvisibility=hidden', '-w', '-I', C_BACKEND, '-c', path, '-o', output]
  try {
    await execute(command, args)
  } catch (cause) {
    const { stderr, message } = cause as Error & { stderr?: string }
    const words = stderr?.trim() || message
    throw new TvmNodeError(
      'ERR_C_COMPILER',
      `${command} refused the generated code: ${words.split('\n').slice(0, MOST_LINES).join('\n')}`,
      { cause, details: { stderr: words } },
    )
  }
}
/** Lines of a compiler's complaint in an error's message; the details have all. */
const MOST_LINES = 6
