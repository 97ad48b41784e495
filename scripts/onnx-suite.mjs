// Runs the cases of ONNX's own backend tests and counts those that pass. A case fails the run that is not among those known to
// fail (onnx-suite.json), and so does a known one that passes, so that the list stays true.
//
// usage: npm run test:onnx-suite -- [--jobs N] [CASE...]     (CASE: a part of a case's name)
// The data are in the PyPI package onnx 1.16.2: ONNX_TEST_DATA names a copy of its onnx/backend/test/data, or pip fetches it.
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { root } from './steps/run.mjs'

const PACKAGE = 'onnx==1.16.2'
const FOLDERS = ['node', 'pytorch-operator', 'pytorch-converted', 'simple']

const { values, positionals } = parseArgs({
  options: { jobs: { type: 'string', default: '2' } },
  allowPositionals: true,
})

/** The folder with the cases, and what removes it. */
function testData() {
  const given = process.env.ONNX_TEST_DATA
  if (given) return { data: given, remove: () => {} }
  const scratch = mkdtempSync(join(tmpdir(), 'onnx-suite-'))
  const remove = () => rmSync(scratch, { recursive: true, force: true })
  try {
    const target = ['--no-deps', '--only-binary', ':all:', '--target', scratch]
    execFileSync('python3', ['-m', 'pip', 'install', '--quiet', ...target, PACKAGE], { stdio: 'inherit' })
  } catch (error) {
    remove()
    throw new Error(
      `cannot get ${PACKAGE} through pip (${error.message}); name a copy of onnx/backend/test/data by ONNX_TEST_DATA`,
    )
  }
  return { data: join(scratch, 'onnx', 'backend', 'test', 'data'), remove }
}

const known = new Map(
  JSON.parse(readFileSync(new URL('./onnx-suite.json', import.meta.url), 'utf8')).flatMap(
    ({ reason, cases }) => cases.map((name) => [`test_${name}`, reason]),
  ),
)
const { data, remove } = testData()
try {
  const folders = FOLDERS.flatMap((folder) =>
    readdirSync(join(data, folder))
      .filter((name) => positionals.length === 0 || positionals.some((part) => name.includes(part)))
      .map((name) => join(data, folder, name)),
  )
  const tolerances = ['--atol', '1e-5']
  const main = fileURLToPath(new URL('dist/cli/main.js', `file://${root}/`))
  const child = spawn(
    process.execPath,
    [main, 'verify', '--json', '--quiet', ...tolerances, '--jobs', values.jobs, ...folders],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
  const started = performance.now()
  let [passed, count] = [0, 0]
  const surprises = []
  for await (const line of createInterface(child.stdout)) {
    const { name, ok, reason } = JSON.parse(line)
    count++
    if (ok) passed++
    if (ok === known.has(name)) surprises.push(ok ? `${name} passes now` : `${name}: ${reason}`)
    process.stderr.write(`\r${count} of ${folders.length}, ${passed} passed`)
  }
  process.stderr.write('\n')
  for (const surprise of surprises) console.log(surprise)
  const minutes = ((performance.now() - started) / 60_000).toFixed(1)
  console.log(`${passed} of ${count} pass (${minutes} minutes); ${surprises.length} not as listed`)
  process.exitCode = surprises.length > 0 || count < folders.length ? 1 : 0
} finally {
  remove()
}
