import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { C_BACKEND, C_FLAGS, runCompiler } from '../c-compiler.js'
import { isTvmNodeError, TvmNodeError } from '../errors.js'
import type { ProgramMemory } from '../session/program-memory.js'
import { type ProgramSizes, programSizes } from './elf.js'
import { checkMemory, tooLarge } from './memory.js'
import type { Platform } from './platform.js'
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

/** Options for the runtime, which is to be small; generated code is to be fast. */
const RUNTIME_FLAGS = ['-std=c99', '-Os']
const SMALL = ['-ffunction-sections', '-fdata-sections', '-g0']

/**
 * Builds the board runtime with a network's code.
 *
 * @param folder - A private folder for what is built; it must last as long as the firmware.
 * @throws `ERR_NO_C_COMPILER`, `ERR_C_COMPILER`, `ERR_BOARD_MEMORY`
 */
export async function buildFirmware(
  files: ProgramFiles,
  platform: Platform,
  folder: string,
  { memory, signal }: BuildOptions = {},
): Promise<Firmware> {
  if (memory) checkMemory(memory, platform)
  const { command } = await findCompiler(platform.compiler)
  const written = await writeFiles(files, folder)
  const include = [
    ...[join(BOARD, 'include'), join(BOARD, 'src'), C_BACKEND, join(folder, 'include')],
    ...portFolders(platform),
  ].flatMap((path) => ['-I', path])
  const common = [...SMALL, ...platform.flags, ...include]
  const runtime = [...(await sourcesIn(join(BOARD, 'src'))), ...(await portSources(platform))]
  const jobs = [
    ...runtime.map((path) => ({ path, flags: RUNTIME_FLAGS })),
    ...written.filter((path) => path.endsWith('.c')).map((path) => ({ path, flags: [...C_FLAGS, '-w'] })),
  ]
  const objects = await compileAll(jobs, folder, (path, flags, output) =>
    runCompiler(command, [...flags, ...common, '-c', path, '-o', output], signal),
  )
  const image = join(folder, 'program.elf')
  const given = written.filter((path) => path.endsWith('.o'))
  const inputs = [...objects, ...given, ...(await linkerArguments(platform, folder))]
  await link(command, [...platform.flags, '-o', image, ...inputs, '-Wl,--gc-sections', '-lm'], memory, signal)
  return { image, sizes: programSizes(await readFile(image)) }
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

interface Job {
  readonly path: string
  readonly flags: readonly string[]
}

/** Compiles some at a time, the last ones first: a network's operators take longest. */
async function compileAll(
  jobs: readonly Job[],
  folder: string,
  compile: (path: string, flags: readonly string[], output: string) => Promise<void>,
): Promise<string[]> {
  const outputs = jobs.map((_, i) => join(folder, `${i}.o`))
  const waiting = [...jobs.entries()]
  const work = async () => {
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const [i, { path, flags }] = next
      await compile(path, flags, outputs[i] as string)
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
  return outputs
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
