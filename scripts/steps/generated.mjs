import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from './run.mjs'

/** A table in Markdown with aligned columns, as the formatter wants it; the first row is the head. */
export function markdownTable(rows) {
  const widths = rows[0].map((_, column) => Math.max(3, ...rows.map((row) => row[column].length)))
  const line = (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  return `${[line(rows[0]), rule, ...rows.slice(1).map(line)].join('\n')}\n`
}

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
