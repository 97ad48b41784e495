import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { arch, availableParallelism, cpus } from 'node:os'
import { promisify } from 'node:util'
import { cacheDir, findBundle, missing } from '../bundle/index.js'
import { findCCompiler } from '../c-compiler.js'
import { errorCodes, isTvmNodeError } from '../errors.js'
import { runInEngine } from '../process/engine.js'
import type { LibraryReport } from '../process/library-task.js'
import { packageVersion } from '../version.js'

/** One line of `doctor`. */
export interface Finding {
  readonly name: string
  /** `missing` is needed and not there; `optional` is not there and only needed for something special. */
  readonly status: 'ok' | 'missing' | 'optional'
  /** What was found, where and in which version, or why not. */
  readonly value: string
  /** What to do about it. */
  readonly fix?: string
}

/** Looks at all that compiling and running need on this machine. */
export async function examine(signal: AbortSignal): Promise<Finding[]> {
  return Promise.all([
    { name: 'tvm-node', status: 'ok', value: packageVersion } satisfies Finding,
    { name: 'Node', status: 'ok', value: `${process.version} (${process.execPath})` } satisfies Finding,
    {
      name: 'machine',
      status: 'ok',
      value: `${arch()}, ${availableParallelism()} × ${cpus()[0]?.model ?? 'CPU'}`,
    } satisfies Finding,
    needed('addon', cpuExtensions),
    { name: 'cache', status: 'ok', value: cacheDir() } satisfies Finding,
    needed('TVM', () => library(signal)),
    needed('linker', linker),
    optional('C compiler', cCompiler, "for targets of kind 'c' (Debian: gcc, libc6-dev)"),
    optional('Maven', () => firstLine('mvn'), 'downloads the TVM libraries ("npm run bundle")'),
    peer(),
  ])
}

async function needed(name: string, look: () => Promise<string> | string): Promise<Finding> {
  try {
    return { name, status: 'ok', value: await look() }
  } catch (error) {
    const { message } = error as Error
    const value = message.split('\n')[0] ?? ''
    return {
      name,
      status: 'missing',
      value,
      ...(isTvmNodeError(error) && { fix: errorCodes[error.code].fix }),
    }
  }
}

async function cpuExtensions(): Promise<string> {
  const { native } = await import('../native.js')
  return `loaded; the CPU has ${native.cpuFeatures().join(' ')}`
}

async function library(signal: AbortSignal): Promise<string> {
  const { source } = findBundle()
  const report = (await runInEngine('library', {}, { signal, timeoutMs: 60_000 })) as LibraryReport
  return `${report.version} (${report.commit.slice(0, 10)}) from ${source}: ${report.path}`
}

function linker(): string {
  const bundle = findBundle()
  if (bundle.lld) return bundle.lld
  throw new Error(missing('linker lld', bundle))
}

async function optional(name: string, look: () => Promise<string>, use: string): Promise<Finding> {
  try {
    return { name, status: 'ok', value: await look() }
  } catch {
    return { name, status: 'optional', value: `not found; ${use}` }
  }
}

async function cCompiler(): Promise<string> {
  const { version, command } = await findCCompiler()
  return `${version} (${command})`
}

async function firstLine(command: string): Promise<string> {
  const { stdout } = await promisify(execFile)(command, ['--version'], { timeout: 10_000 })
  return `${plain(stdout)} (${command})`
}

/** The first line, without a terminal's colours. */
function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one.
  return (text.split('\n')[0] ?? '').replace(/\u001b\[[0-9;]*m/g, '')
}

function peer(): Finding {
  try {
    const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string }
    return { name: 'onnxruntime-node', status: 'ok', value: version }
  } catch {
    return {
      name: 'onnxruntime-node',
      status: 'optional',
      value: 'not installed; for "bench --against onnxruntime"',
    }
  }
}
