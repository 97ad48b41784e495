import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname, join, parse } from 'node:path'
import { fileURLToPath } from 'node:url'
import { C_BACKEND, C_FLAGS, runCompiler } from '../c-compiler.js'
import { isTvmNodeError, TvmNodeError } from '../errors.js'
import type { ProgramMemory } from '../session/program-memory.js'
import { type ProgramSizes, programSizes } from './elf.js'
import { checkMemory, tooLarge } from './memory.js'
import type { Hooks, Platform } from './platform.js'
import { findCompiler } from './toolchain.js'

const BOARD = fileURLToPath(new URL('../../native/board', import.meta.url))
const PORTS = join(BOARD, 'ports')

/**
 * What a program has beside the runtime, by path: `src/*.c`, `lib/*.o` and `include/*.h`. One of the sources defines what
 * `native/board/include/model.h` declares. Members of an artifact for boards are that; others are left alone.
 */
export type ProgramFiles = Readonly<Record<string, Uint8Array>>

/** A program for a board. */
export interface Firmware {
  /** The linked file (ELF). */
  readonly image: string
  readonly sizes: ProgramSizes
}

export interface BuildOptions {
  /** What the network needs, which is compared with what the board has before anything is built. */
  readonly memory?: ProgramMemory | undefined
  readonly signal?: AbortSignal | undefined
}

/** The board runtime compiled for a platform: what all programs for it have in common. */
export interface BoardRuntime {
  readonly platform: Platform
  /** The compiler, which links too. */
  readonly command: string
  /** Object files and arguments for the linker. */
  readonly inputs: readonly string[]
}

/** Options for the runtime, which is to be small; generated code is to be fast. */
const RUNTIME_FLAGS = ['-std=c99', '-Os']
const SMALL = ['-ffunction-sections', '-fdata-sections', '-g0']

/**
 * Compiles the board runtime.
 *
 * @param folder - An existing private folder for what is built; it must last as long as programs are linked with the runtime.
 * @throws `ERR_NO_C_COMPILER`, `ERR_C_COMPILER`, `ERR_CONFIG` for a port that there is not
 */
export async function compileRuntime(
  platform: Platform,
  folder: string,
  signal?: AbortSignal,
): Promise<BoardRuntime> {
  const { command } = await findCompiler(platform.compiler)
  const hooks = join(folder, 'hooks.c')
  if (platform.hooks) await writeFile(hooks, hooksSource(platform.hooks))
  const sources = [
    ...(await sourcesIn(join(BOARD, 'src'))),
    ...(await portSources(platform)),
    ...(platform.hooks ? [hooks] : []),
  ]
  const objects = await compileAll(
    command,
    sources,
    folder,
    [...RUNTIME_FLAGS, ...flagsFor(platform)],
    signal,
  )
  return { platform, command, inputs: [...objects, ...(await linkerArguments(platform, folder))] }
}

/**
 * Builds a program: a network's code with the board runtime.
 *
 * @param folder - A private folder for what is built; it must last as long as the program.
 * @throws `ERR_NO_C_COMPILER`, `ERR_C_COMPILER`, `ERR_BOARD_MEMORY`
 */
export async function buildFirmware(
  files: ProgramFiles,
  platform: Platform,
  folder: string,
  { memory, signal }: BuildOptions = {},
): Promise<Firmware> {
  if (memory) checkMemory(memory, platform)
  const runtimeFolder = join(folder, 'runtime')
  await mkdir(runtimeFolder)
  const runtime = await compileRuntime(platform, runtimeFolder, signal)
  return linkProgram(files, runtime, folder, { memory, signal })
}

/** Builds a program with a runtime that is compiled already. @throws as `buildFirmware` */
export async function linkProgram(
  files: ProgramFiles,
  { platform, command, inputs }: BoardRuntime,
  folder: string,
  { memory, signal }: BuildOptions = {},
): Promise<Firmware> {
  const written = await writeFiles(files, folder)
  const sources = written.filter((path) => path.endsWith('.c'))
  const flags = [...C_FLAGS, '-w', ...flagsFor(platform), '-I', join(folder, 'include')]
  const objects = await compileAll(command, sources, folder, flags, signal)
  const given = written.filter((path) => path.endsWith('.o'))
  const image = join(folder, 'program.elf')
  const args = [...platform.flags, '-o', image, ...objects, ...given, ...inputs, '-Wl,--gc-sections', '-lm']
  await link(command, args, memory, signal)
  return { image, sizes: programSizes(await readFile(image)) }
}

/** What main.c calls before and after it serves. */
function hooksSource({ includes, prologue, epilogue }: Hooks): string {
  const lines = includes.map((name) => `#include ${name.startsWith('<') ? name : `"${name}"`}\n`)
  const body = (name: string, statements: string) => `void board_${name}(void) {\n${statements}\n}\n`
  return `#include "board.h"\n${lines.join('')}${body('prologue', prologue)}${body('epilogue', epilogue)}`
}

function flagsFor(platform: Platform): string[] {
  const include = [join(BOARD, 'include'), join(BOARD, 'src'), C_BACKEND, ...portFolders(platform)]
  return [...SMALL, ...platform.flags, ...include.flatMap((path) => ['-I', path])]
}

async function writeFiles(files: ProgramFiles, folder: string): Promise<string[]> {
  const entries = Object.entries(files).filter(([name]) => /^(src|lib|include)\/[^/]+\.[cho]$/.test(name))
  await mkdir(join(folder, 'include'), { recursive: true })
  return Promise.all(
    entries.map(async ([name, data]) => {
      const path = join(folder, name)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, data)
      return path
    }),
  )
}

async function sourcesIn(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => /\.[cS]$/.test(name)).map((name) => join(folder, name))
}

/** Programs that no system loads have what is common to them beside their port. */
function portFolders({ port, flash, ram }: Platform): string[] {
  return [...(flash && ram ? [join(PORTS, 'common')] : []), join(PORTS, port)]
}

/** @throws `ERR_CONFIG` for a port that there is not */
async function portSources(platform: Platform): Promise<string[]> {
  const { port } = platform
  const known = (await readdir(PORTS)).filter((name) => existsSync(join(PORTS, name, 'port.c')))
  if (known.includes(port)) return (await Promise.all(portFolders(platform).map(sourcesIn))).flat()
  throw new TvmNodeError(
    'ERR_CONFIG',
    `the board runtime has no port '${port}'; it has ${known.join(', ')}`,
    {
      details: { port, ports: known },
    },
  )
}

/** Compiles some at a time, the last ones first: a network's operators take longest. */
async function compileAll(
  command: string,
  sources: readonly string[],
  folder: string,
  flags: readonly string[],
  signal?: AbortSignal,
): Promise<string[]> {
  const jobs = sources.map((path) => ({ path, output: join(folder, `${parse(path).name}.o`) }))
  const waiting = [...jobs]
  const work = async () => {
    for (let next = waiting.pop(); next; next = waiting.pop())
      await runCompiler(command, [...flags, '-c', next.path, '-o', next.output], signal)
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
  return jobs.map(({ output }) => output)
}

/** A linker script includes the port's own and tells it of the board's memory. */
async function linkerArguments(
  { port, flash, ram, stackBytes = 0 }: Platform,
  folder: string,
): Promise<string[]> {
  if (!flash || !ram) return []
  const region = (name: string, attributes: string, { start, bytes }: NonNullable<Platform['ram']>) =>
    `  ${name} (${attributes}) : ORIGIN = 0x${start.toString(16)}, LENGTH = ${bytes}\n`
  const script = join(folder, 'board.ld')
  await writeFile(
    script,
    `MEMORY {\n${region('FLASH', 'rx', flash)}${region('RAM', 'rwx', ram)}}\nboard_stack_bytes = ${stackBytes};\nINCLUDE ${join(PORTS, port, 'program.ld')}\n`,
  )
  return ['-nostartfiles', '-L', join(PORTS, 'common'), '-T', script]
}

async function link(
  command: string,
  args: readonly string[],
  memory: ProgramMemory | undefined,
  signal?: AbortSignal,
): Promise<void> {
  try {
    await runCompiler(command, args, signal)
  } catch (error) {
    const words = isTvmNodeError(error) ? String(error.details.stderr) : ''
    const [, region, bytes] = /region `(\w+)' overflowed by (\d+) bytes/.exec(words) ?? []
    if (region === undefined) throw error
    throw tooLarge(region === 'RAM' ? 'ram' : 'flash', Number(bytes), memory, error)
  }
}
