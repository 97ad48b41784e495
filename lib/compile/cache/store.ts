import { randomUUID } from 'node:crypto'
import {
  copyFile,
  link,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { cacheDir } from '../../bundle/index.js'
import { TvmNodeError } from '../../errors.js'

/** Bytes kept by default: some twenty networks of a hundred megabytes. */
const DEFAULT_LIMIT = 2 * 2 ** 30
/** Milliseconds after which a file that was never finished is nobody's any more. */
const ABANDONED = 3_600_000

/** Where compiled networks are kept, and how much of them. */
export interface CacheOptions {
  /** Default: `compiled` in the per-user folder (`$XDG_CACHE_HOME/tvm-node`, by default `~/.cache/tvm-node`). */
  readonly dir?: string
  /** Bytes kept; default: `TVM_NODE_CACHE_LIMIT`, else 2 GiB. 0 keeps nothing. */
  readonly maxBytes?: number
}

export interface StoreEntry {
  readonly name: string
  readonly bytes: number
  /** When it was last used, in milliseconds since 1970. */
  readonly used: number
}

/**
 * A folder of files by key. Files appear whole, under their final name, by one rename, and are removed least recently used
 * first; so any number of processes may share it.
 */
export class FileStore {
  readonly dir: string
  readonly maxBytes: number

  constructor({ dir, maxBytes }: CacheOptions = {}) {
    this.dir = dir ?? join(cacheDir(), 'compiled')
    this.maxBytes = maxBytes ?? parseSize(process.env.TVM_NODE_CACHE_LIMIT) ?? DEFAULT_LIMIT
  }

  pathOf(name: string): string {
    return join(this.dir, name)
  }

  /** Puts the file `name` at `path`, and notes that it was used. False when there is none. */
  async take(name: string, path: string): Promise<boolean> {
    try {
      await copyOrLink(this.pathOf(name), path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
      throw error
    }
    await this.touch(name)
    return true
  }

  /** The text of the small file `name`, if there is one. */
  async readText(name: string): Promise<string | undefined> {
    return readFile(this.pathOf(name), 'utf8').catch(() => undefined)
  }

  /** Notes that `name` was used. */
  async touch(name: string): Promise<void> {
    const now = new Date()
    await utimes(this.pathOf(name), now, now).catch(() => undefined)
  }

  /** Adds the file at `path`, which itself stays, or a text; then makes room. */
  async put(name: string, content: { readonly path: string } | { readonly text: string }): Promise<void> {
    await mkdir(this.dir, { recursive: true, mode: 0o700 })
    const scratch = this.pathOf(`.${randomUUID()}`)
    try {
      if ('path' in content) await copyOrLink(content.path, scratch)
      else await writeFile(scratch, content.text, { flag: 'wx' })
      await rename(scratch, this.pathOf(name))
      await this.touch(name)
    } finally {
      // Renaming a file to another name of itself leaves both.
      await rm(scratch, { force: true })
    }
    await this.makeRoom()
  }

  async remove(name: string): Promise<void> {
    await rm(this.pathOf(name), { force: true })
  }

  /** What is there, least recently used first. */
  async entries(): Promise<StoreEntry[]> {
    const names = await readdir(this.dir).catch(() => [])
    const found = await Promise.all(
      names.map(async (name) => {
        const info = await stat(this.pathOf(name)).catch(() => undefined)
        return info?.isFile() ? [{ name, bytes: info.size, used: info.mtimeMs }] : []
      }),
    )
    return found.flat().sort((a, b) => a.used - b.used)
  }

  /** Removes everything; tells how many bytes that were. */
  async clear(): Promise<number> {
    const entries = await this.entries()
    for (const { name } of entries) await this.remove(name)
    return entries.reduce((total, { bytes }) => total + bytes, 0)
  }

  private async makeRoom(): Promise<void> {
    const entries = await this.entries()
    let total = entries.reduce((sum, { bytes }) => sum + bytes, 0)
    for (const { name, bytes, used } of entries) {
      const unfinished = name.startsWith('.')
      if (unfinished ? Date.now() - used < ABANDONED : total <= this.maxBytes) continue
      await this.remove(name)
      total -= bytes
    }
  }
}

/** Another name of the same file where that can be, which takes no time; else a copy. */
async function copyOrLink(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw error
    await copyFile(from, to)
  }
}

const units: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 }

/** A number of bytes such as `500M` or `2G`. @throws `ERR_INVALID_ARGUMENT` */
function parseSize(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined
  const [, digits, unit = ''] = /^(\d+)([KMG]?)$/i.exec(text) ?? []
  const factor = units[unit.toUpperCase()]
  if (digits !== undefined && factor !== undefined) return Number(digits) * factor
  throw new TvmNodeError(
    'ERR_INVALID_ARGUMENT',
    `TVM_NODE_CACHE_LIMIT must be a number of bytes such as 500M or 2G, not '${text}'`,
  )
}
