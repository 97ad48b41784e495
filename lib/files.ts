import { randomUUID } from 'node:crypto'
import { copyFile, open, readlink, realpath, rename, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { TvmNodeError } from './errors.js'

/**
 * Writes a file under another name beside its place and then moves it there, so that a reader never sees half of it. A link
 * stays one: the file it points to is replaced.
 *
 * @param options - `mode`: who may do what with the file; default what the process's mask leaves.
 * @throws `ERR_WRITE_FAILED`; what was at `path` before is still there.
 */
export function writeWhole(
  path: string,
  content: readonly Uint8Array[],
  { mode }: { readonly mode?: number } = {},
): Promise<void> {
  return replace(path, async (scratch) => {
    const file = await open(scratch, 'wx', mode)
    try {
      for (const piece of content) await file.writeFile(piece)
      await file.sync()
    } finally {
      await file.close()
    }
  })
}

/** Copies a file, whole or not at all. @throws as `writeWhole` */
export function copyWhole(from: string, path: string): Promise<void> {
  return replace(path, async (scratch) => {
    await copyFile(from, scratch)
    const file = await open(scratch, 'r+')
    await file.sync().finally(() => file.close())
  })
}

async function replace(path: string, write: (scratch: string) => Promise<void>): Promise<void> {
  let scratch: string | undefined
  try {
    const place = await placeOf(path)
    scratch = join(dirname(place), `.${basename(place)}.${randomUUID()}`)
    await write(scratch)
    await rename(scratch, place)
  } catch (cause) {
    if (scratch !== undefined) await rm(scratch, { force: true }).catch(() => undefined)
    throw writeFailed(path, cause)
  }
}

/**
 * Fails where a file could not be written, before the work whose result it is to hold.
 *
 * @param sources - Files which that work reads, and which it must therefore not replace.
 * @throws `ERR_WRITE_FAILED`
 */
export async function checkWritable(path: string, sources: readonly string[] = []): Promise<void> {
  try {
    const place = await placeOf(path)
    for (const source of sources) {
      if ((await realpath(source).catch(() => undefined)) === place) {
        throw new Error(`it is the input ${source}`)
      }
    }
    const scratch = join(dirname(place), `.${basename(place)}.${randomUUID()}`)
    await (await open(scratch, 'wx')).close()
    await rm(scratch)
  } catch (cause) {
    throw writeFailed(path, cause)
  }
}

/** Where the file is to be: behind any links. Devices, pipes and folders are no place for a file. */
async function placeOf(path: string): Promise<string> {
  if (path === '') throw new Error('the path is empty')
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
  if (found?.isDirectory()) throw new Error('it is a folder')
  if (found && !found.isFile()) throw new Error('it is no regular file')
  if (found) return realpath(path)
  const target = await readlink(path).catch(() => undefined)
  return target === undefined ? resolve(path) : placeOf(resolve(dirname(path), target))
}

/** Why a file could not be written. */
export function writeFailed(path: string, cause: unknown): TvmNodeError {
  return new TvmNodeError('ERR_WRITE_FAILED', `cannot write ${path}: ${(cause as Error).message}`, {
    cause,
    details: { path },
  })
}

/** A path in which `~` is the user's home folder. */
export function atHome(path: string): string {
  return path.replace(/^~(?=\/|$)/, homedir())
}
