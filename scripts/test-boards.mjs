// Builds networks for boards that run without hardware, runs each there and compares with the same network on this machine:
// integers must agree, floats within 1e-5 of the largest output. A board that a network does not fit is passed over.
//
// usage: npm run test:boards -- [--boards NAME,NAME] [--json] FOLDER... (each as `tvm-node verify` takes them)
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { runHere } from './steps/run-here.mjs'

const { buildFor } = await import('../dist/boards/build-options.js')
const { openBoard } = await import('../dist/boards/open.js')
const { boardNames, findBoard } = await import('../dist/boards/find.js')
const { compareTensors } = await import('../dist/compare.js')
const { compile } = await import('../dist/compile/compile.js')
const { readTestDataSets } = await import('../dist/frontend/onnx/test-data.js')

const TOLERANCE = 1e-5

const { values, positionals } = parseArgs({
  options: { boards: { type: 'string' }, json: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const simulated = boardNames().filter((name) => findBoard(name).micro?.simulator)
const names = values.boards?.split(',') ?? simulated

async function runOn(board, model, inputs) {
  const artifact = await compile(model, buildFor(board))
  const connection = openBoard(board)
  try {
    const session = await connection.upload(artifact)
    const outputs = await session.run(inputs)
    return { outputs, usage: await session.usage() }
  } finally {
    await connection.close()
    await artifact.dispose()
  }
}

/** The largest error, and whether all is close enough. */
function judge(outputs, expected) {
  const comparisons = Object.entries(expected).map(([name, wanted]) => {
    const largest = Math.max(...Array.from(wanted.data, (value) => Math.abs(Number(value))))
    const absolute = wanted.dtype.startsWith('float') ? TOLERANCE * Math.max(1, largest) : 0
    return compareTensors(outputs[name], wanted, { relative: 0, absolute })
  })
  return {
    ok: comparisons.every(({ mismatch }) => mismatch === undefined),
    max_abs_error: Math.max(...comparisons.map(({ maxAbsError }) => maxAbsError)),
  }
}

let failed = 0
for (const folder of positionals) {
  const [set] = readTestDataSets(folder)
  const model = join(folder, 'model.onnx')
  const here = await runHere(model, set.inputs)
  for (const name of names) {
    const line = { network: basename(folder), board: name }
    try {
      const { outputs, usage } = await runOn(findBoard(name), model, set.inputs)
      const verdict = judge(outputs, here)
      if (!verdict.ok) failed++
      Object.assign(line, verdict, usage)
    } catch (error) {
      const fits = error.code !== 'ERR_BOARD_MEMORY'
      if (fits) failed++
      Object.assign(line, { ok: !fits, reason: error.message })
    }
    const { ok, reason, max_abs_error: error, instructions, us, memory } = line
    const time = instructions === undefined ? `${us?.toFixed(0)} us` : `${instructions} instructions`
    console.log(
      values.json
        ? JSON.stringify(line)
        : `${ok ? 'ok  ' : 'FAIL'}  ${line.network} on ${name}: ${reason ?? `largest error ${error.toExponential(1)}, ${time}, ${Object.values(memory).reduce((a, b) => a + b)} bytes of RAM`}`,
    )
  }
}
process.exit(failed ? 1 : 0)
