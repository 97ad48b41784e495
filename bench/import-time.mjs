// Time from an ONNX file to a Relay function, in fresh processes: reading, registering operators and importing; opening the library
// is shown by itself, and processor time (of all threads), which other work on the machine lengthens less.
// Usage: node bench/import-time.mjs [--rounds 5] [--json] [FOLDER...]

import { execFileSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { importModel } from '#lib/frontend/onnx/import.js'
import { openLibrary } from '#lib/runtime/index.js'
import { summarize } from '#lib/statistics.js'
import { describeMachine, digits, modelFolders, readArguments, report } from './support.mjs'

const { rounds, child, json, positionals } = readArguments({ rounds: 5, child: '' })

if (child) {
  const started = performance.now()
  openLibrary({ kind: 'compiler' })
  const opened = performance.now()
  const used = process.cpuUsage()
  importModel(child)
  const ms = performance.now() - opened
  const { user, system } = process.cpuUsage(used)
  console.log(JSON.stringify([opened - started, ms, (user + system) / 1000]))
} else {
  const rows = modelFolders(positionals).map(({ name, model }) => {
    const times = Array.from({ length: rounds }, () =>
      JSON.parse(
        execFileSync(process.execPath, [fileURLToPath(import.meta.url), '--child', model], {
          stdio: ['ignore', 'pipe', 'ignore'],
        }),
      ),
    )
    const { median, min, max } = summarize(times.map(([, ms]) => ms / 1000))
    const cpu = summarize(times.map(([, , ms]) => ms / 1000)).median
    const open = summarize(times.map(([ms]) => ms / 1000)).median
    return {
      network: name,
      MB: digits(statSync(model).size / 1e6),
      seconds: digits(median),
      min: digits(min),
      max: digits(max),
      'CPU s': digits(cpu),
      'library s': digits(open),
    }
  })
  report(rows, { json })
  if (!json) console.log(`\n${rounds} fresh processes each\n${describeMachine()}`)
}
