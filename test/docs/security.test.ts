import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

/** Rows of the threat model: what each one says shows it. */
const rows = [
  ...readFileSync('SECURITY.md', 'utf8').matchAll(/^\| ([^|]+) \| [^|]+ \| `(test\/[^`]+)`: (.+) \|$/gm),
]

describe('the threat model', () => {
  test('has a test in every row', () => {
    const all = readFileSync('SECURITY.md', 'utf8').match(/^\| (?!Threat|---)/gm) ?? []
    expect(all.length).toBeGreaterThan(10)
    expect(rows).toHaveLength(all.length)
  })
  test.each(rows.map(([, threat, file, title]) => [threat, file, title] as const))(
    '%s',
    (_threat, file, title) => {
      expect(existsSync(file as string), file).toBe(true)
      expect(readFileSync(file as string, 'utf8')).toContain((title as string).trim())
    },
  )
})
