// What threads gain: latency of each network with one thread and with several, in turns; ONNX Runtime for comparison.
// Usage: node bench/scaling.mjs [--threads 2] [--runs 50] [--json] [FOLDER...]

import { measureInTurns } from '#lib/cli/measure.js'
import { openOnnxRuntime } from '#lib/cli/peer.js'
import { compile } from '#lib/compile/compile.js'
import { load } from '#lib/session/load.js'
import { sampleInputs } from '#lib/session/sample-inputs.js'
import { describeMachine, digits, modelFolders, readArguments, report } from './support.mjs'

const { threads, runs, json, positionals } = readArguments({ threads: 2, runs: 50 })
const rows = []
for (const { name, model } of modelFolders(positionals)) {
  const artifact = await compile(model)
  const sessions = await Promise.all([1, threads].map((count) => load(artifact, { threads: count })))
  const inputs = sampleInputs(sessions[0].inputs)
  const peers = []
  for (const count of [1, threads]) peers.push(await openOnnxRuntime(model, inputs, count))
  const runners = [
    ...sessions.map((session) => () => session.run(inputs)),
    ...peers.map((peer) => () => peer.run()),
  ]
  const [one, many, peerOne, peerMany] = await measureInTurns(runners, runs)
  for (const each of [...peers, ...sessions, artifact]) await each.dispose()
  rows.push({
    network: name,
    one_ms: digits(one.median, 4),
    several_ms: digits(many.median, 4),
    gain: digits(one.median / many.median),
    onnxruntime_one_ms: digits(peerOne.median, 4),
    onnxruntime_several_ms: digits(peerMany.median, 4),
    onnxruntime_gain: digits(peerOne.median / peerMany.median),
  })
}
report(rows, { json })
if (!json) console.log(`\n1 and ${threads} threads, ${runs} runs, medians\n${describeMachine()}`)
