import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'

test('the demo compiles and runs an image network, and its result is the reference', () => {
  const output = execFileSync(process.execPath, ['examples/demo/demo.mjs'], { encoding: 'utf8' })
  expect(output).toMatch(/^ic_resnet8: compiled in [\d.]+ s to \d+ kB$/m)
  expect(output).toMatch(/: the same result$/m)
})
