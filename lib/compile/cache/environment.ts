import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findAddon } from '../../addon.js'
import { findBundle } from '../../bundle/index.js'
import { packageVersion } from '../../version.js'

/**
 * Everything outside a request that a compiled network may depend on, as text: this package's code, the library and
 * linker, and the machine's processor. Files are told apart by size and time of change, since reading all of them would take
 * longer than a short compilation.
 *
 * @throws `ERR_NO_BUNDLE`
 */
export function describeEnvironment(): string {
  const { dir, lld } = findBundle()
  const code = fileURLToPath(new URL('../..', import.meta.url))
  const libraries = readdirSync(dir).filter((name) => /\.so(\.\d+)*$/.test(name))
  return [
    `package ${packageVersion} ${fingerprint(code, shipped(code))}`,
    `addon ${fingerprint('', [findAddon()])}`,
    `library ${dir} ${fingerprint(dir, libraries)}`,
    `linker ${fingerprint('', lld ? [lld] : [])}`,
    `node ${process.versions.node} ${process.arch}`,
    `processor ${processor()}`,
  ].join('\n')
}

/** All that takes part in a compilation: modules, and records or tables beside them. */
function shipped(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return names.filter((name) => !name.startsWith('.') && !name.endsWith('.d.ts'))
}

/** Names, sizes and times of change. */
function fingerprint(folder: string, names: readonly string[]): string {
  const hash = createHash('sha256')
  for (const name of [...names].sort()) {
    const found = statSync(join(folder, name), { throwIfNoEntry: false })
    hash.update(`${name} ${found?.size} ${found?.mtimeMs}\n`)
  }
  return hash.digest('hex')
}

let known: string | undefined

/** What `-mcpu=native` and the defaults of schedules are chosen by. */
function processor(): string {
  known ??= `${availableParallelism()} ${cpuInfo()}`
  return known
}

function cpuInfo(): string {
  try {
    const [first = ''] = readFileSync('/proc/cpuinfo', 'utf8').split('\n\n')
    const lines = first
      .split('\n')
      .filter((line) => !/^(processor|cpu MHz|bogomips|apicid|core id)/i.test(line))
    return createHash('sha256').update(lines.join('\n')).digest('hex')
  } catch {
    return cpus()[0]?.model ?? ''
  }
}
