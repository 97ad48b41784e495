// Brings up what the tests need and runs them; further arguments go to vitest. The counts are left in
// build/test-results.json. With CI=true a skipped test is a failure: there, every tool is expected to be present.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { bootstrap } from './bootstrap.mjs'
import { root } from './steps/run.mjs'
import { countTests } from './steps/test-counts.mjs'

const results = join(root, 'build/test-results.json')
await bootstrap()
mkdirSync(join(root, 'build'), { recursive: true })
rmSync(results, { force: true })
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${results}`]
const args = ['node_modules/vitest/vitest.mjs', 'run', ...reporters, ...process.argv.slice(2)]
const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
process.exitCode = status ?? 1
const { skipped } = countTests(JSON.parse(readFileSync(results, 'utf8')))
for (const name of skipped) console.error(`skipped: ${name}`)
if (process.env.CI === 'true' && skipped.length > 0) {
  console.error(`${skipped.length} skipped, which fails with CI=true`)
  process.exitCode = 1
}
