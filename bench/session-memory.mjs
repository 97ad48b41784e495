// Rounds of load, run and dispose: resident memory and native handles. The slope is that of a least-squares line after the warm-up.
// Usage: node --expose-gc bench/session-memory.mjs [--rounds 200] [--json] [FOLDER...]

import { compile } from '#lib/compile/compile.js'
import { native } from '#lib/native.js'
import { load } from '#lib/session/load.js'
import { sampleInputs } from '#lib/session/sample-inputs.js'
import { describeMachine, digits, modelFolders, readArguments, report } from './support.mjs'

const { rounds, json, positionals } = readArguments({ rounds: 200 })
const WARM_UP = 20
const [{ name, model }] = modelFolders(positionals)
const artifact = await compile(model)
const rows = []
for (const isolation of ['thread', 'process']) {
  const resident = []
  let handles
  for (let round = -WARM_UP; round < rounds; round++) {
    const session = await load(artifact, { isolation, threads: 2 })
    await session.run(sampleInputs(session.inputs))
    await session.dispose()
    globalThis.gc?.()
    await new Promise((resolve) => setImmediate(resolve))
    if (round === -1) handles = total()
    if (round >= 0) resident.push(process.memoryUsage.rss() / 1e6)
  }
  rows.push({
    isolation,
    network: name,
    rounds,
    first_MB: digits(resident[0], 4),
    last_MB: digits(resident.at(-1), 4),
    slope_MB_per_round: digits(slope(resident), 2),
    native_handles_more: total() - handles,
  })
}
await artifact.dispose()
report(rows, { json })
if (!json) console.log(`\n${describeMachine()}`)

function total() {
  return Object.values(native.handleCounts()).reduce((sum, count) => sum + count, 0)
}

function slope(values) {
  const middle = (values.length - 1) / 2
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  let [covariance, variance] = [0, 0]
  for (const [i, value] of values.entries()) {
    covariance += (i - middle) * (value - mean)
    variance += (i - middle) ** 2
  }
  return covariance / variance
}
