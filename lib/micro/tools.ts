import { toolVersion } from '../c-compiler.js'
import { compilerPackages } from './toolchain.js'

/** A program of this machine that boards need. */
export interface Tool {
  readonly command: string
  /** What it is for. */
  readonly purpose: string
  /** How it is got. */
  readonly install: string
  /** The boards that need it. */
  readonly boards: readonly string[]
}

export interface FoundTool extends Tool {
  /** The first line that it says of itself; undefined where it cannot be run. */
  readonly version: string | undefined
  /** Why the version will not do; undefined where it will. */
  readonly problem: string | undefined
}

/** What a board is built with and run by. */
export interface ToolUser {
  readonly name: string
  /** What the compiler's name begins with. */
  readonly compiler: string
  readonly simulator: readonly string[]
}

/** Debian's packages of simulators. */
const simulators: Readonly<Record<string, string>> = {
  'qemu-system-arm': 'qemu-system-arm',
  'qemu-system-riscv32': 'qemu-system-misc',
}

/** The tools that boards need, each once. */
export function toolsOf(users: readonly ToolUser[]): Tool[] {
  const tools = new Map<string, Tool>()
  const add = (command: string, purpose: string, packages: string | undefined, board: string) => {
    const known = tools.get(command)
    const install = packages ? `apt-get install ${packages}` : `put ${command} on PATH`
    tools.set(command, { command, purpose, install, boards: [...(known?.boards ?? []), board] })
  }
  for (const { name, compiler, simulator } of users) {
    add(
      compiler === '' ? (process.env.CC ?? 'cc') : `${compiler}gcc`,
      'builds programs',
      compilerPackages(compiler),
      name,
    )
    const [command] = simulator
    if (command !== undefined && command in simulators)
      add(command, 'runs programs', simulators[command], name)
  }
  return [...tools.values()]
}

/** The oldest major versions that are known to do. */
const oldest = { qemu: 7, gcc: 8 }

export async function findTools(tools: readonly Tool[]): Promise<FoundTool[]> {
  return Promise.all(
    tools.map(async (tool) => {
      const version = await toolVersion(tool.command)
      return {
        ...tool,
        version,
        problem: version === undefined ? 'not found' : problemOf(tool.command, version),
      }
    }),
  )
}

function problemOf(command: string, version: string): string | undefined {
  const [, wanted] = Object.entries(oldest).find(([name]) => command.includes(name)) ?? []
  const major = Number(/(\d+)\.\d+/.exec(version)?.[1] ?? Number.NaN)
  return wanted !== undefined && major < wanted ? `version ${wanted} or later is needed` : undefined
}
