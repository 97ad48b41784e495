// Writes docs/errors.md from the table in lib/errors.ts. `--check` only says whether it is up to date.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './steps/run.mjs'
import { compileTypeScript } from './steps/typescript.mjs'

compileTypeScript()
const { errorCodes } = await import('../dist/errors.js')
const sections = Object.entries(errorCodes).map(
  ([code, { cause, fix }]) => `## ${code}\n\n**Cause.** ${cause}\n\n**Fix.** ${fix}\n`,
)
const text = [
  '# Errors\n',
  '<!-- Generated from lib/errors.ts by `npm run docs:errors`; edits here are lost. -->\n',
  'Every error of this package is a `TvmNodeError` with a `code`, a message for people, `details` for programs and, where another error led to it, a `cause`. Branch on `code`; messages may change.\n',
  ...sections,
].join('\n')
const path = join(root, 'docs/errors.md')
if (process.argv.includes('--check')) {
  if (readFileSync(path, 'utf8') !== text) {
    console.error('docs/errors.md is out of date: run "npm run docs:errors"')
    process.exitCode = 1
  }
} else {
  mkdirSync(join(root, 'docs'), { recursive: true })
  writeFileSync(path, text)
}
