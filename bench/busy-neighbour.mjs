// Latency beside another process that keeps one processor busy, against a quiet machine, in turns; ONNX Runtime for comparison.
// Usage: node bench/busy-neighbour.mjs [--threads 2] [--runs 100] [--json] [FOLDER...]

import { loadavg } from 'node:os'
import { measureInTurns } from '#lib/cli/measure.js'
import { openOnnxRuntime } from '#lib/cli/peer.js'
import { compile } from '#lib/compile/compile.js'
import { load } from '#lib/session/load.js'
import { sampleInputs } from '#lib/session/sample-inputs.js'
import { summarize } from '#lib/statistics.js'
import { besideNeighbour, describeMachine, digits, modelFolders, readArguments, report } from './support.mjs'

const TURNS = 4
const { threads, runs, json, positionals } = readArguments({ threads: 2, runs: 100 })
const rows = []
for (const { name, model } of modelFolders(positionals)) {
  const artifact = await compile(model)
  const session = await load(artifact, { threads })
  const inputs = sampleInputs(session.inputs)
  const peer = await openOnnxRuntime(model, inputs, threads)
  const contenders = [() => session.run(inputs), () => peer.run()]
  const quiet = contenders.map(() => [])
  const busy = contenders.map(() => [])
  for (let turn = 0; turn < TURNS; turn++) {
    for (const [times, beside] of [
      [quiet, (measure) => measure()],
      [busy, besideNeighbour],
    ]) {
      const found = await beside(() => measureInTurns(contenders, runs / TURNS))
      for (const [i, { median }] of found.entries()) times[i].push(median)
    }
  }
  for (const each of [peer, session, artifact]) await each.dispose()
  for (const [i, runtime] of ['tvm-node', 'onnxruntime'].entries()) {
    const [alone, beside] = [summarize(quiet[i]), summarize(busy[i])]
    rows.push({
      network: name,
      runtime,
      quiet_ms: digits(alone.median, 4),
      busy_ms: digits(beside.median, 4),
      ratio: digits(beside.median / alone.median),
    })
  }
}
report(rows, { json })
if (!json)
  console.log(
    `\n${threads} threads, medians of ${TURNS} turns; load average at the end ${loadavg()[0].toFixed(1)}\n${describeMachine()}`,
  )
