import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'

test.each([
  ['docs/errors.md', 'scripts/gen-errors-doc.mjs'],
  ['docs/operators.md', 'scripts/gen-operators-doc.mjs'],
  ['docs/cli.md', 'scripts/gen-cli-doc.mjs'],
  ['docs/openapi.json', 'scripts/gen-openapi.mjs'],
  ['docs/api', 'scripts/gen-api-doc.mjs'],
  ['schema/batch.schema.json', 'scripts/gen-schema.mjs'],
  ['schema/backend.schema.json', 'scripts/gen-schema.mjs'],
])('%s is what its source generates', { timeout: 180_000 }, (_document, script) => {
  expect(() => execFileSync(process.execPath, [script, '--check'], { stdio: 'pipe' })).not.toThrow()
})
