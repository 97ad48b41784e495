// Round trip of an empty remote call and rate of an upload over loopback, on one server of this package; beside TVM's own client
// in turns where TVM_NODE_PYTHON names a Python with TVM 0.18. Medians of the rounds with their extremes.
// Usage: node bench/rpc.mjs [--rounds 5] [--calls 5000] [--megabytes 100] [--json]
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { summarize } from '../dist/statistics.js'
import { digits, readArguments, report } from './support.mjs'

const options = readArguments({ rounds: 5, calls: 5000, megabytes: 100 })
const here = (name) => fileURLToPath(new URL(name, import.meta.url))
const python = process.env.TVM_NODE_PYTHON
const clients = {
  'tvm-node': [process.execPath, here('rpc-client.mjs')],
  ...(python && { 'TVM (Python)': [python, here('rpc-client.py')] }),
}

const server = spawn(
  process.execPath,
  [here('../dist/cli/main.js'), 'server', '--port', '0', '--key', 'bench', '--json'],
  {
    stdio: ['ignore', 'pipe', 'ignore'],
  },
)
try {
  const [line] = await once(createInterface(server.stdout), 'line')
  const { host, port } = JSON.parse(line).address
  const results = Object.fromEntries(Object.keys(clients).map((name) => [name, []]))
  for (let round = 0; round < options.rounds; round++) {
    for (const [name, [command, script]] of Object.entries(clients)) {
      const args = [script, host, port, 'bench', options.calls, options.megabytes].map(String)
      const { stdout } = await promisify(execFile)(command, args)
      results[name].push(JSON.parse(stdout))
    }
  }
  const rows = Object.entries(results).flatMap(([client, rounds]) =>
    ['call_us', 'upload_mb_s'].map((figure) => {
      const { median, min, max, count } = summarize(rounds.map((round) => round[figure]))
      return { client, figure, median: digits(median), min: digits(min), max: digits(max), rounds: count }
    }),
  )
  report(rows, options)
} finally {
  server.kill()
}
