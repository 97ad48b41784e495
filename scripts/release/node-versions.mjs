// Runs a part of the tests with other versions of Node, on the addon that is built: its interface is stable across them. Node comes as an
// npm package, with this machine's npm. Tells of each on stderr.
//
// usage: npm run check:node -- [--versions 20.19.0,22,24] [--json] [TEST...]
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { bootstrap } from '../bootstrap.mjs'
import { root } from '../steps/run.mjs'
import { countTests } from '../steps/test-counts.mjs'

/** The oldest that is supported, and the newest of each line after it. */
const VERSIONS = '20.19.0,22,24'
const TESTS = [
  'test/native',
  'test/unit',
  'test/process/engine',
  'test/process/gate',
  'test/process/host-state',
  'test/session',
  'test/compile/compile',
]

/** Rows of version, whether all tests passed, and how many did. */
export async function proveVersions({ versions = VERSIONS, tests = TESTS, say = console.error } = {}) {
  await bootstrap()
  const place = join(root, 'build/node')
  mkdirSync(place, { recursive: true })
  return versions.split(',').map((version) => {
    const node = installNode(join(place, version), version)
    const exact = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()
    const folder = mkdtempSync(join(place, 'report-'))
    const report = join(folder, 'report.json')
    const args = ['run', '--reporter=json', `--outputFile=${report}`, ...tests]
    const { status } = spawnSync(node, [join(root, 'node_modules/vitest/vitest.mjs'), ...args], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'inherit'],
      // Programs that tests start by name are this version too.
      env: { ...process.env, PATH: `${join(node, '..')}:${process.env.PATH}` },
    })
    const results = JSON.parse(readFileSync(report, 'utf8'))
    const counts = countTests(results)
    const failed = results.testResults
      .flatMap(({ assertionResults }) => assertionResults)
      .filter((test) => test.status === 'failed')
      .map(({ fullName }) => fullName)
    rmSync(folder, { recursive: true })
    const ok = status === 0 && counts.failed === 0 && counts.passed > 0
    const row = {
      check: `Node ${exact}`,
      ok,
      detail: `${counts.passed} tests passed, ${[`${counts.failed} failed`, ...failed].join('; ')}`,
    }
    say(`${ok ? 'ok ' : 'NOT'}  ${row.check}  ${row.detail}`)
    return row
  })
}

/** Where the program is. The package's own install script would only make it a link. */
function installNode(folder, version) {
  mkdirSync(folder, { recursive: true })
  const name = `node-linux-${process.arch}`
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ private: true, dependencies: { [name]: version } }),
  )
  const options = ['--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts']
  execFileSync('npm', ['install', ...options], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
  return join(folder, 'node_modules', name, 'bin/node')
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values, positionals } = parseArgs({
    options: { versions: { type: 'string' }, json: { type: 'boolean' } },
    allowPositionals: true,
  })
  const rows = await proveVersions({
    ...(values.versions && { versions: values.versions }),
    ...(positionals.length > 0 && { tests: positionals }),
  })
  if (values.json) console.log(JSON.stringify(rows))
  process.exitCode = rows.every(({ ok }) => ok) ? 0 : 1
}
