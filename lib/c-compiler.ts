import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { TvmNodeError } from './errors.js'

const execute = promisify(execFile)

/** What generated C includes, and what its shared libraries have beside it. */
export const C_BACKEND = fileURLToPath(new URL('../native/c-backend', import.meta.url))

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
    const version = await toolVersion(command, env)
    if (version !== undefined) return { command, version }
  }
  throw new TvmNodeError(
    'ERR_NO_C_COMPILER',
    `no C compiler was found (looked for ${candidates.join(', ')}): code for targets of kind 'c' needs one. Install gcc or clang (Debian: "apt-get install gcc libc6-dev"), or name one by the variable CC`,
    { details: { searched: candidates } },
  )
}

/** The first line that a program says of itself; undefined where it cannot be run. */
export async function toolVersion(
  command: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string | undefined> {
  try {
    const { stdout } = await execute(command, ['--version'], { timeout: 10_000, env })
    return stdout.split('\n')[0] ?? ''
  } catch {
    return undefined
  }
}

/** Runs a compiler or what it links with. @throws `ERR_C_COMPILER` with its words; the signal's reason */
export async function runCompiler(
  command: string,
  args: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  try {
    await execute(command, args, { maxBuffer: MOST_WORDS, ...(signal && { signal }) })
  } catch (cause) {
    signal?.throwIfAborted()
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
/** Bytes of what a compiler may say. */
const MOST_WORDS = 16 << 20
