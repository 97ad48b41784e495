import { readFileSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const PREFIX = 'tvm-node-session-'

/** A folder for the files of one session, named after this process. */
export function makeWorkFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`))
}

export function removeWorkFolder(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true })
}

/** Removes what servers left behind that were killed. */
export async function removeStaleWorkFolders(): Promise<void> {
  const pattern = new RegExp(`^${PREFIX}(\\d+)-`)
  for (const name of await readdir(tmpdir())) {
    const [, pid] = pattern.exec(name) ?? []
    if (pid !== undefined && !isAlive(Number(pid)))
      await removeWorkFolder(join(tmpdir(), name)).catch(() => {})
  }
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
