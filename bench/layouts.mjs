// What layouts of choice cost: each network in the library's own layouts and with channels last, in turns.
// Usage: node bench/layouts.mjs [--threads 2] [--runs 50] [--json] [FOLDER...]

import { measureInTurns } from '#lib/cli/measure.js'
import { compile } from '#lib/compile/compile.js'
import { load } from '#lib/session/load.js'
import { sampleInputs } from '#lib/session/sample-inputs.js'
import { describeMachine, digits, modelFolders, readArguments, report } from './support.mjs'

const channelsLast = { 'nn.conv1d': ['NWC', 'default'], 'nn.conv2d': ['NHWC', 'default'] }

const { threads, runs, json, positionals } = readArguments({ threads: 2, runs: 50 })
const rows = []
for (const { name, model } of modelFolders(positionals)) {
  const artifacts = [await compile(model), await compile(model, { desiredLayouts: channelsLast })]
  const sessions = await Promise.all(artifacts.map((artifact) => load(artifact, { threads })))
  const inputs = sampleInputs(sessions[0].inputs)
  const runners = sessions.map((session) => () => session.run(inputs))
  const [own, last] = await measureInTurns(runners, runs)
  for (const each of [...sessions, ...artifacts]) await each.dispose()
  rows.push({
    network: name,
    own_ms: digits(own.median, 4),
    channels_last_ms: digits(last.median, 4),
    ratio: digits(last.median / own.median),
  })
}
report(rows, { json })
if (!json) console.log(`\n${threads} threads, ${runs} runs, medians\n${describeMachine()}`)
