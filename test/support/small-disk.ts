import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll } from 'vitest'

/** A file system within `folder` with room for `kilobytes`, gone at the end; undefined where this user may not mount one. */
export function smallDisk(folder: string, kilobytes: number): string | undefined {
  const path = join(folder, 'small')
  mkdirSync(path)
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'none', path])
  if (status !== 0) return undefined
  afterAll(() => {
    spawnSync('umount', ['-l', path])
  })
  return path
}
