// Time from an ONNX file to an artifact, and the longest phases.
// Usage: node bench/build-time.mjs [--rounds 3] [--json] [FOLDER...]

import { stat } from 'node:fs/promises'
import { compile } from '#lib/compile/compile.js'
import { summarize } from '#lib/statistics.js'
import { describeMachine, digits, modelFolders, readArguments, report } from './support.mjs'

const { rounds, json, positionals } = readArguments({ rounds: 3 })
const rows = []
for (const { name, model } of modelFolders(positionals)) {
  const times = []
  const phases = new Map()
  let size = 0
  for (let round = 0; round < rounds; round++) {
    const marks = []
    const started = performance.now()
    const artifact = await compile(model, {
      cache: false,
      onProgress: ({ phase }) => marks.push([phase, performance.now()]),
    })
    marks.push(['end', performance.now()])
    times.push((performance.now() - started) / 1000)
    for (const [i, [phase, at]] of marks.slice(0, -1).entries()) {
      phases.set(phase, (phases.get(phase) ?? 0) + (marks[i + 1][1] - at) / 1000 / rounds)
    }
    size = (await stat(artifact.path)).size
    await artifact.dispose()
  }
  const { median, min, max } = summarize(times)
  const share = (phase) => digits(phases.get(phase) ?? 0)
  rows.push({
    network: name,
    seconds: digits(median),
    min: digits(min),
    max: digits(max),
    import: share('import'),
    optimize: share('optimize'),
    codegen: share('codegen'),
    link: share('link'),
    MB: digits(size / 1e6),
  })
}
report(rows, { json })
if (!json)
  console.log(`\n${rounds} rounds each, the engine process warm after the first\n${describeMachine()}`)
