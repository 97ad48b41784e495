import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gunzipSync } from 'fflate'
import { findBundle } from '../bundle/index.js'
import { TvmNodeError } from '../errors.js'
import { readTar } from '../session/tar.js'

/** Milliseconds for linking; a linker that takes longer hangs. */
const LONGEST_LINK = 60_000
const compilers = ['g++', 'gcc', 'clang++', 'clang', 'c++', 'cc']

/**
 * The shared library of an uploaded file: objects (`.o`) and archives of objects (`.tar`, also compressed) are linked beside it, as
 * TVM's servers do (v0.18, python/tvm/runtime/module.py, load_module).
 *
 * @throws `ERR_LINK`
 */
export function linkedLibrary(path: string): string {
  if (path.endsWith('.o')) return link([path], `${path}.so`)
  if (path.endsWith('.tar')) return link(unpack(path), `${path}.so`)
  if (path.endsWith('.so')) return path
  throw new TvmNodeError('ERR_LINK', `${basename(path)} is neither a library nor an object (.so, .o, .tar)`)
}

function unpack(path: string): string[] {
  const bytes = readFileSync(path)
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b
  const members = readTar(isGzip ? Buffer.from(gunzipSync(bytes)) : bytes)
  const folder = `${path}.d`
  mkdirSync(folder, { recursive: true })
  return members
    .filter(({ name, data }) => !name.endsWith('/') && data.length > 0)
    .map(({ name, data }, i) => {
      const file = join(folder, `${i}-${basename(name)}`)
      writeFileSync(file, data)
      return file
    })
}

function link(objects: readonly string[], output: string): string {
  const failures: string[] = []
  for (const [command, ...args] of linkers(output)) {
    try {
      execFileSync(command, [...args, ...objects], {
        stdio: 'pipe',
        timeout: LONGEST_LINK,
      })
      return output
    } catch (error) {
      const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: Buffer }
      if (code !== 'ENOENT') failures.push(`${command}: ${String(stderr ?? error).trim()}`)
    }
  }
  throw new TvmNodeError(
    'ERR_LINK',
    failures.join('\n') ||
      `there is neither lld nor a compiler (${compilers.join(', ')}) to link ${basename(output)}; upload a shared library instead`,
  )
}

/** What can link, best first: the compiler that the environment names, the bundle's linker, whatever is installed. */
function linkers(output: string): [command: string, ...args: string[]][] {
  const shared = ['-shared', '-fPIC', '-o', output]
  const named = process.env.CXX || process.env.CC
  if (named) return [[named, ...shared]]
  const { lld } = findBundle()
  const found: [string, ...string[]][] = lld
    ? [[lld, '-flavor', 'gnu', '-shared', '--build-id=none', '-o', output]]
    : []
  return [...found, ...compilers.map((name): [string, ...string[]] => [name, ...shared])]
}
