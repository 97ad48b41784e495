import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, run } from './run.mjs'

/** Installs the packages of the lock file, unless they are all there in their versions. */
export function installDependencies() {
  if (installed()) return
  console.error('Installing dependencies')
  run('npm', ['ci'])
}

function installed() {
  const wanted = read('package-lock.json')
  const present = read('node_modules/.package-lock.json')
  if (!wanted || !present) return false
  return Object.entries(wanted.packages).every(
    ([path, { version, optional }]) => path === '' || optional || present.packages[path]?.version === version,
  )
}

function read(path) {
  try {
    return JSON.parse(readFileSync(join(root, path), 'utf8'))
  } catch {
    return undefined
  }
}
