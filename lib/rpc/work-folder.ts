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

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
