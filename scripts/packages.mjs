// Compiles networks that packages of PyPI and npm ship and compares them with ONNX Runtime on random inputs. A network fails the run
// that disagrees or cannot be compiled, unless packages.json has a reason for it; one that has a reason and passes fails it too.
//
// usage: npm run test:packages -- [--json] [PART...]     (PART: a part of a package's or model's name)
// pip and npm fetch the packages once, into the cache folder's `packages`.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { cacheDir } from '../dist/bundle/index.js'
import { formatTable } from '../dist/cli/table.js'
import { compareTensors, standardDeviation } from '../dist/compare.js'
import { compile, load } from '../dist/index.js'
import { OnnxRuntime } from '../dist/onnx-runtime.js'
import { sampleInputs } from '../dist/session/sample-inputs.js'

const { values, positionals } = parseArgs({
  options: { json: { type: 'boolean', default: false } },
  allowPositionals: true,
})

/** The types of inputs that are given as one number. */
const scalarTypes = { sr: 'int64' }

/** A folder with the unpacked package. */
function fetchPackage(registry, name) {
  const cache = join(cacheDir(), 'packages')
  const folder = join(cache, `${registry}-${name.replace(/[^\w.=@-]/g, '_')}`)
  if (existsSync(folder)) return folder
  mkdirSync(cache, { recursive: true })
  const scratch = mkdtempSync(join(cache, 'fetch-'))
  const run = (command, args) =>
    execFileSync(command, args, { cwd: scratch, stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    if (registry === 'pypi') {
      run('python3', [
        '-m',
        'pip',
        'install',
        '--quiet',
        '--no-deps',
        '--only-binary',
        ':all:',
        '--target',
        '.',
        name,
      ])
    } else {
      const archive = run('npm', ['pack', '--silent', name]).toString().trim()
      run('tar', ['-xzf', archive])
    }
    renameSync(scratch, folder)
  } catch (error) {
    rmSync(scratch, { recursive: true, force: true })
    throw new Error(`cannot get ${name}: ${error.message}`)
  }
  return folder
}

function scalar(name, value) {
  const dtype = scalarTypes[name] ?? 'float32'
  const data = dtype === 'int64' ? BigInt64Array.of(BigInt(value)) : Float32Array.of(value)
  return { dtype, shape: [], data }
}

/**
 * Largest difference from ONNX Runtime, as a share of the output's standard deviation.
 *
 * @param tolerance - Such a share: more where inputs of steps are rounded to bytes, each by what the steps before came to.
 */
async function compareModel(path, { shapes = {}, constants = {}, tolerance = 1e-4 }) {
  const fixed = Object.fromEntries(
    Object.entries(constants).map(([name, value]) => [name, scalar(name, value)]),
  )
  const started = performance.now()
  const artifact = await compile(path, { shapes, constants: fixed, cache: false, timeoutMs: 280_000 })
  const seconds = (performance.now() - started) / 1000
  const session = await load(artifact, { isolation: 'process', threads: 2 })
  const peer = await OnnxRuntime.open(path, 2)
  const inputs = sampleInputs(session.inputs)
  const results = await session.run(inputs, { timeoutMs: 60_000 }).finally(() => session.dispose())
  const expected = await peer.run(peer.feeds({ ...inputs, ...fixed })).finally(() => peer.dispose())
  await artifact.dispose()
  let error = 0
  for (const [name, wanted] of Object.entries(expected)) {
    const deviation = standardDeviation(wanted)
    const allowed = { relative: Math.max(1e-3, tolerance), absolute: Math.max(tolerance * deviation, 1e-6) }
    const { maxAbsError, mismatch } = compareTensors(results[name], wanted, allowed)
    if (mismatch) throw new Error(`output '${name}': ${mismatch}`)
    error = Math.max(error, maxAbsError / (deviation || 1))
  }
  return { seconds, error }
}

const rows = []
let surprises = 0
for (const { package: name, registry, models } of JSON.parse(
  readFileSync(new URL('./packages.json', import.meta.url), 'utf8'),
)) {
  for (const [model, how] of Object.entries(models)) {
    const wanted = positionals.length === 0 || positionals.some((part) => `${name}/${model}`.includes(part))
    if (!wanted) continue
    const path = join(fetchPackage(registry, name), model)
    const row = { package: name, model: basename(model), seconds: null, error: null, result: 'agrees' }
    try {
      Object.assign(row, await compareModel(path, how))
      if (how.reason) row.result = `agrees, although packages.json says: ${how.reason}`
    } catch (error) {
      row.result = how.reason ?? `${error.code ?? 'FAIL'}: ${error.message}`
    }
    const ok = (row.seconds !== null) === (how.reason === undefined)
    if (!ok) surprises++
    rows.push({ ...row, ok })
    if (values.json) console.log(JSON.stringify(rows.at(-1)))
    else process.stderr.write(`${ok ? 'ok  ' : 'FAIL'} ${name} ${row.model} ${row.result.slice(0, 300)}\n`)
  }
}
if (!values.json) {
  console.log(
    formatTable(rows, [
      { title: 'package', value: (row) => row.package },
      { title: 'model', value: (row) => row.model },
      { title: 'compile s', value: ({ seconds }) => seconds?.toFixed(1) ?? '', align: 'right' },
      { title: 'error per std', value: ({ error }) => error?.toExponential(1) ?? '', align: 'right' },
      { title: 'result', value: ({ result }) => result.split('\n')[0].slice(0, 120) },
    ]),
  )
}
const agreeing = rows.filter(({ seconds }) => seconds !== null)
const packages = new Set(agreeing.map((row) => row.package)).size
console.log(
  `${agreeing.length} of ${rows.length} networks of ${packages} packages agree with ONNX Runtime; ${surprises} not as listed`,
)
process.exitCode = surprises > 0 ? 1 : 0
