import { readFileSync, readlinkSync, rmSync } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeFailed } from './files.js'

/** What a private folder is for, as its name tells people. */
export type FolderPurpose = 'build' | 'files' | 'session' | 'sources' | 'tune'

/** Names tell of whom a folder is: of a process, by its number in a namespace of numbers. */
const pattern = /^tvm-node-[a-z]+-(\d+)-(\d+)-/
const privateFolders = new Set<string>()
/** A process that ends may still be writing there. */
const thoroughly = { recursive: true, force: true, maxRetries: 3 }
process.once('exit', () => {
  for (const folder of privateFolders) rmSync(folder, { recursive: true, force: true })
})

/** Of containers that share a folder, one does not know the processes of another. */
function numbersOf(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0'
  } catch {
    return '0'
  }
}

let swept: Promise<void> | undefined

/**
 * A new folder in the system's folder for temporary files. It goes with the process at the latest; where that is killed, with the
 * next process that makes one.
 *
 * @throws `ERR_WRITE_FAILED`
 */
export async function makePrivateFolder(purpose: FolderPurpose = 'files'): Promise<string> {
  swept ??= removeStaleFolders()
  await swept
  try {
    const folder = await mkdtemp(join(tmpdir(), `tvm-node-${purpose}-${process.pid}-${numbersOf()}-`))
    privateFolders.add(folder)
    return folder
  } catch (cause) {
    throw writeFailed(tmpdir(), cause)
  }
}

/** Writes a file within a private folder. @throws `ERR_WRITE_FAILED` */
export function writePrivate(path: string, content: Uint8Array): Promise<void> {
  return writeFile(path, content).catch((cause: unknown) => {
    throw writeFailed(path, cause)
  })
}

export async function removePrivateFolder(folder: string): Promise<void> {
  privateFolders.delete(folder)
  await rm(folder, thoroughly)
}

/** Removes the private folders below `place` of a process that was killed, which could not do so itself. */
export function removePrivateFoldersOf(pid: number, place: string): Promise<void> {
  return removeFolders(place, (owner) => owner === pid)
}

/** Removes what processes left behind that were killed together with those who would have tidied up after them. */
export function removeStaleFolders(): Promise<void> {
  return removeFolders(tmpdir(), (owner) => !isAlive(owner))
}

async function removeFolders(place: string, chosen: (owner: number) => boolean): Promise<void> {
  const ours = numbersOf()
  const names = (await readdir(place).catch(() => [])).filter((name) => {
    const [, pid, numbers] = pattern.exec(name) ?? []
    return pid !== undefined && numbers === ours && chosen(Number(pid))
  })
  // Those of other users stay.
  await Promise.all(names.map((name) => rm(join(place, name), thoroughly).catch(() => undefined)))
}

/** A process that has ended and that its parent has not asked about yet is none. */
function isAlive(pid: number): boolean {
  try {
    const [, state] = /\) (\w) /.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? []
    return state !== 'Z' && state !== 'X'
  } catch {
    return false
  }
}
