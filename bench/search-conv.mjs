// auto_scheduler on one 3x3 convolution with ReLU, 64 channels on 56x56: trials a second and the best latency, ours and Python
// TVM's in turns. Usage: node bench/search-conv.mjs [--trials 128] [--peerTrials 32] [--seeds 3] [--python PYTHON] [--json]
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { message } from '#lib/frontend/onnx/schema.js'
import { summarize } from '#lib/statistics.js'
import { tune } from '#lib/tuning/tune.js'
import { describeMachine, digits, readArguments, report } from './support.mjs'

const { trials, peerTrials, seeds, python, json } = readArguments({
  trials: 128,
  peerTrials: 32,
  seeds: 3,
  python: '',
})
const TARGET = 'llvm -mcpu=x86-64-v3'
const FLOP = 2 * 64 * 64 * 9 * 56 * 56
const timing = { number: 4, repeat: 3, min_repeat_ms: 20 }

/** The network as an ONNX file. */
function network() {
  const FLOAT = 1
  const dims = (...shape) => ({ dim: shape.map((dimValue) => ({ dimValue })) })
  const value = (name, ...shape) => ({
    name,
    type: { tensorType: { elemType: FLOAT, shape: dims(...shape) } },
  })
  const weights = Float32Array.from({ length: 64 * 64 * 9 }, (_, i) => ((i * 37) % 101) / 101 - 0.5)
  const type = message('ModelProto')
  const graph = {
    name: 'convolution',
    input: [value('x', 1, 64, 56, 56)],
    output: [value('y', 1, 64, 56, 56)],
    initializer: [
      { name: 'w', dataType: FLOAT, dims: [64, 64, 3, 3], rawData: new Uint8Array(weights.buffer) },
    ],
    node: [
      {
        opType: 'Conv',
        input: ['x', 'w'],
        output: ['c'],
        attribute: [{ name: 'pads', type: 7, ints: [1, 1, 1, 1] }],
      },
      { opType: 'Relu', input: ['c'], output: ['y'] },
    ],
  }
  return type.encode(type.fromObject({ irVersion: 8, opsetImport: [{ version: 13 }], graph })).finish()
}

async function own(seed) {
  let [started, ended] = [0, 0]
  let valid = 0
  let gflop = 0
  let gflops = 0
  const { artifact } = await tune(network(), {
    target: TARGET,
    tuner: { name: 'auto_scheduler', task_budget: trials, seed, runner: timing },
    onEvent: (event) => {
      if (event.type === 'phase' && event.phase === 'search') started = performance.now()
      if (event.type === 'phase' && event.phase === 'contest') ended = performance.now()
      if (event.type === 'tasks') gflop = event.tasks[0].gflop
      // The untuned schedule is measured too, and is no result of the search.
      if (event.type !== 'trial' || event.error !== 0 || event.isDefault) return
      valid++
      gflops = Math.max(gflops, event.gflops)
    },
  })
  await artifact.dispose()
  return { trials, seconds: (ended - started) / 1000, best_ms: (1000 * gflop) / gflops, valid }
}

function peer(seed) {
  const script = fileURLToPath(new URL('./peers/search_conv.py', import.meta.url))
  const out = execFileSync(python, [script, String(peerTrials), String(seed)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return { trials: peerTrials, ...JSON.parse(out.trim().split('\n').at(-1)) }
}

const contenders = { 'tvm-node': own, ...(python ? { 'Python TVM': peer } : {}) }
const results = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]))
for (let seed = 0; seed < seeds; seed++)
  for (const [name, run] of Object.entries(contenders)) results[name].push(await run(seed))

const rows = Object.entries(results).map(([tuner, runs]) => {
  const seconds = summarize(runs.map((run) => run.seconds))
  const best = summarize(runs.map((run) => run.best_ms))
  return {
    tuner,
    trials: runs[0].trials,
    valid: Math.min(...runs.map(({ valid }) => valid)),
    trials_per_s: digits(runs[0].trials / seconds.median),
    seconds_spread: digits(seconds.spread),
    best_ms: digits(best.median, 4),
    best_spread: digits(best.spread),
    GFLOPS: digits(FLOP / best.median / 1e6),
  }
})
report(rows, { json })
if (!json) console.log(`\n${seeds} seeds; ${describeMachine()}`)
