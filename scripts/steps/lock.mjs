import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './run.mjs'

const lock = join(root, '.bootstrap.lock')
const owner = join(lock, 'pid')
const YOUNG_MS = 5_000

/** Runs `body` while no other process does so in this checkout. A lock whose owner died is taken over. */
export async function withLock(body) {
  let told = false
  while (!acquire()) {
    if (!told) console.error('Waiting for another build in this folder')
    told = true
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  process.once('exit', release)
  try {
    return await body()
  } finally {
    process.removeListener('exit', release)
    release()
  }
}

function acquire() {
  try {
    mkdirSync(lock)
    writeFileSync(owner, String(process.pid))
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
    if (isAbandoned()) rmSync(lock, { recursive: true, force: true })
    return false
  }
}

function isAbandoned() {
  try {
    process.kill(Number(readFileSync(owner, 'utf8')), 0)
    return false
  } catch (error) {
    if (error.code === 'ESRCH') return true
    // Between the two steps of `acquire` there is no owner yet.
    const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
    return error.code === 'ENOENT' && age > YOUNG_MS
  }
}

function release() {
  rmSync(lock, { recursive: true, force: true })
}
