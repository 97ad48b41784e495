// Prints the last line of a CI run, `N passed, N failed`, from what vitest reported.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './steps/run.mjs'
import { countTests } from './steps/test-counts.mjs'

let counts = { passed: 0, failed: 1, skipped: [] }
try {
  counts = countTests(JSON.parse(readFileSync(join(root, 'build/test-results.json'), 'utf8')))
} catch (error) {
  console.log(`no test results: ${error.message}`)
}
const failed = counts.failed + (process.env.CI === 'true' ? counts.skipped.length : 0)
console.log(`${counts.passed} passed, ${failed} failed`)
