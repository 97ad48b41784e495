import { type CCompiler, findCCompiler, toolVersion } from '../c-compiler.js'
import { TvmNodeError } from '../errors.js'

/** How compilers for boards are got, by what their names begin with. */
const packages: Readonly<Record<string, string>> = {
  '': 'gcc libc6-dev',
  'arm-none-eabi-': 'gcc-arm-none-eabi libnewlib-arm-none-eabi',
  'riscv64-unknown-elf-': 'gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf',
}

/** Debian's packages of a compiler; undefined for one that is not known. */
export function compilerPackages(prefix: string): string | undefined {
  return packages[prefix]
}

const found = new Map<string, Promise<CCompiler>>()

/** The compiler whose tools' names begin with `prefix`; this machine's own for an empty one. @throws `ERR_NO_C_COMPILER` */
export function findCompiler(prefix: string): Promise<CCompiler> {
  const known = found.get(prefix)
  if (known) return known
  const looking = prefix === '' ? findCCompiler() : crossCompiler(prefix)
  found.set(prefix, looking)
  // One that is missing may be installed meanwhile.
  looking.catch(() => found.delete(prefix))
  return looking
}

async function crossCompiler(prefix: string): Promise<CCompiler> {
  const command = `${prefix}gcc`
  const version = await toolVersion(command)
  if (version !== undefined) return { command, version }
  const names = packages[prefix]
  throw new TvmNodeError(
    'ERR_NO_C_COMPILER',
    `${command} was not found, which builds programs for the board; ${names ? `Debian has it: "apt-get install ${names}"` : 'put it on PATH'}`,
    { details: { searched: [command] } },
  )
}
