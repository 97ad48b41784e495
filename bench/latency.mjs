// Latency of untuned networks against ONNX Runtime, in turns, with the largest error against the expected outputs: those of the
// data set, or ONNX Runtime's own.
// With `--records PATTERN` it also measures them tuned: in the pattern, * stands for a network's name.
// Usage: node bench/latency.mjs [--threads 2] [--runs 100] [--target 'llvm -mcpu=native'] [--records PATTERN] [--json] [FOLDER...]

import { measureInTurns } from '#lib/cli/measure.js'
import { compareTensors, standardDeviation } from '#lib/compare.js'
import { compile } from '#lib/compile/compile.js'
import { readTestDataSets } from '#lib/frontend/onnx/test-data.js'
import { OnnxRuntime } from '#lib/onnx-runtime.js'
import { load } from '#lib/session/load.js'
import { sampleInputs } from '#lib/session/sample-inputs.js'
import { geometricMean } from '#lib/statistics.js'
import { describeMachine, digits, modelFolders, readArguments, report } from './support.mjs'

const { threads, runs, target, records, json, positionals } = readArguments({
  threads: 2,
  runs: 100,
  target: 'llvm -mcpu=native',
  records: '',
})
const rows = []
for (const { name, folder, model } of modelFolders(positionals)) {
  const untuned = records ? await compile(model, { target }) : undefined
  const artifact = await compile(model, {
    target,
    ...(records && { records: [records.replace('*', name)] }),
  })
  const session = await load(artifact, { threads })
  const before = untuned && (await load(untuned, { threads }))
  const [set] = readTestDataSets(folder)
  const inputs = set?.inputs ?? sampleInputs(session.inputs)
  const outputs = await session.run(inputs)
  const peer = await OnnxRuntime.open(model, threads)
  const feeds = peer.feeds(inputs)
  const expected = set?.outputs ?? (await peer.run(feeds))
  const measured = [session, ...(before ? [before] : [])].map((each) => () => each.run(inputs))
  const [other, own, plain] = await measureInTurns([() => peer.run(feeds), ...measured], runs)
  for (const each of [peer, session, artifact, before, untuned]) await each?.dispose()
  rows.push({
    network: name,
    ...(plain && { untuned_ms: digits(plain.median, 4) }),
    ms: digits(own.median, 4),
    spread: digits(own.spread),
    onnxruntime_ms: digits(other.median, 4),
    onnxruntime_spread: digits(other.spread),
    ratio: digits(own.median / other.median),
    error_per_std: errorPerDeviation(outputs, expected).toExponential(1),
  })
}
report(rows, { json })
const mean = digits(geometricMean(rows.map(({ ratio }) => ratio)))
if (json) console.log(JSON.stringify({ geometric_mean: mean }))
else
  console.log(
    `\ngeometric mean of the ratios ${mean} (lower is better); ${threads} threads, ${runs} runs\n${describeMachine()}`,
  )

function errorPerDeviation(outputs, expected) {
  const exact = { relative: 0, absolute: Number.POSITIVE_INFINITY }
  return Math.max(
    ...Object.entries(expected).map(
      ([name, value]) => compareTensors(outputs[name], value, exact).maxAbsError / standardDeviation(value),
    ),
  )
}
