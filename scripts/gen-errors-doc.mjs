// Writes docs/errors.md from the table in lib/errors.ts. `--check` only says whether it is up to date.
import { writeGenerated } from './steps/generated.mjs'
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
writeGenerated('docs/errors.md', text, 'docs:errors')
