// Start-up: the command line's help, a process that opens TVM and makes a first call, and one that runs an artifact once.
// Usage: node bench/startup.mjs [--rounds 20] [--json]
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compile } from '#lib/index.js'
import { summarize } from '#lib/statistics.js'
import { describeMachine, digits, readArguments, report } from './support.mjs'

const { rounds, json } = readArguments({ rounds: 20 })
const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
const runtime = new URL('../dist/runtime/index.js', import.meta.url)
const openAndCall = (kind) => `
  import { getGlobalFunc, openLibrary } from '${runtime}'
  const started = performance.now()
  openLibrary({ kind: '${kind}' })
  getGlobalFunc('runtime.GetDeviceAttr')
  getGlobalFunc('runtime.ModuleGetTypeKey')
  getGlobalFunc('runtime.RuntimeEnabled')('llvm')
  process.stdout.write(String(performance.now() - started))`
const folder = mkdtempSync(join(tmpdir(), 'tvm-node-startup-'))
const artifact = join(folder, 'network.tvm')
const compiled = await compile(
  fileURLToPath(new URL('../test/fixtures/models/ic_resnet8/model.onnx', import.meta.url)),
)
await compiled.save(artifact)
await compiled.dispose()
const runOnce = (entry) => `
  import { load, tensor } from '${entry}'
  const session = await load(${JSON.stringify(artifact)})
  await session.run({ [session.inputs[0].name]: tensor(new Float32Array(3072), session.inputs[0].shape) })
  await session.dispose()`
const script = (code) =>
  Number(execFileSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' }))
const wall = (...args) => {
  const started = performance.now()
  execFileSync(process.execPath, args, { stdio: 'ignore' })
  return performance.now() - started
}
const cases = [
  ['node -e 0', () => wall('-e', '0')],
  ['tvm-node --help', () => wall(main, '--help')],
  ["import 'tvm-node', load, first run, end", () => wall('--input-type=module', '-e', runOnce('tvm-node'))],
  ["import 'tvm-node/run', the same", () => wall('--input-type=module', '-e', runOnce('tvm-node/run'))],
  ['open the compiler library, first call', () => script(openAndCall('compiler'))],
  ['open the runtime library, first call', () => script(openAndCall('runtime'))],
]
const rows = cases.map(([what, measure]) => {
  measure()
  const { median, spread, min, max } = summarize(Array.from({ length: rounds }, measure))
  return { what, ms: digits(median), spread: digits(spread), min: digits(min), max: digits(max) }
})
rmSync(folder, { recursive: true })
report(rows, { json })
if (!json) console.log(`\n${rounds} rounds; ${describeMachine()}`)
