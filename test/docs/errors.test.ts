import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'

test('docs/errors.md is what the table of errors generates', () => {
  const check = () =>
    execFileSync(process.execPath, ['scripts/gen-errors-doc.mjs', '--check'], { stdio: 'pipe' })
  expect(check).not.toThrow()
})
