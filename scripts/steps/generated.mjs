import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from './run.mjs'

/** Writes a generated document; with `--check` only says whether it is up to date. */
export function writeGenerated(path, text, command) {
  const file = join(root, path)
  if (!process.argv.includes('--check')) {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  } else if (readFileSync(file, 'utf8') !== text) {
    console.error(`${path} is out of date: run "npm run ${command}"`)
    process.exitCode = 1
  }
}
