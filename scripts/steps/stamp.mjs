import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from './run.mjs'

/** The files below `folder`, relative to the project, in a fixed order. */
export function filesBelow(folder) {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(root.length))
    .sort()
}

/** One hash over the names and contents of files. */
export function hashFiles(paths, ...more) {
  const hash = createHash('sha256')
  for (const path of paths)
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update('\0')
  for (const text of more) hash.update(`${text}\0`)
  return hash.digest('hex')
}

/** Remembers in a file what a step was last done for. */
export class Stamp {
  constructor(path) {
    this.path = join(root, path)
  }

  matches(hash) {
    try {
      return readFileSync(this.path, 'utf8') === hash
    } catch {
      return false
    }
  }

  write(hash) {
    mkdirSync(dirname(this.path), { recursive: true })
    writeFileSync(this.path, hash)
  }
}
