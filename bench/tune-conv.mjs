// Tuning one 3x3 convolution, 64 channels on 56x56: trials a second and the best latency, ours and Python TVM's in turns.
// Usage: node bench/tune-conv.mjs [--trials 128] [--seeds 3] [--python PYTHON] [--json]
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { summarize } from '#lib/statistics.js'
import { tuneWorkloads } from '#lib/tuning/tune.js'
import { describeMachine, digits, readArguments, report } from './support.mjs'

const { trials, seeds, python, json } = readArguments({ trials: 128, seeds: 3, python: '' })
const TARGET = 'llvm -mcpu=x86-64-v3'
const FLOP = 2 * 64 * 64 * 9 * 56 * 56
const timing = { number: 4, repeat: 3, min_repeat_ms: 20 }
const tensor = (...shape) => ['TENSOR', shape, 'float32']
const workload = {
  task: 'conv2d_NCHWc.x86',
  args: [
    tensor(1, 64, 56, 56),
    tensor(64, 64, 3, 3),
    [1, 1],
    [1, 1, 1, 1],
    [1, 1],
    'NCHW',
    'NCHW',
    'float32',
  ],
}

async function own(seed) {
  const started = performance.now()
  let ended = started
  let best = Number.POSITIVE_INFINITY
  let valid = 0
  await tuneWorkloads([workload], {
    target: TARGET,
    tuner: { task_budget: trials, seed, runner: timing },
    onEvent: (event) => {
      if (event.type === 'phase' && event.phase === 'contest') ended = performance.now()
      if (event.type === 'trial' && event.error === 0) valid++
    },
  }).then(({ tasks }) => {
    best = tasks[0].bestMs
  })
  return { seconds: (ended - started) / 1000, best_ms: best, valid }
}

function peer(seed) {
  const script = fileURLToPath(new URL('./peers/tune_conv.py', import.meta.url))
  const out = execFileSync(python, [script, String(trials), String(seed)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return JSON.parse(out.trim().split('\n').at(-1))
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
    trials,
    valid: Math.min(...runs.map(({ valid }) => valid)),
    trials_per_s: digits(trials / seconds.median),
    seconds_spread: digits(seconds.spread),
    best_ms: digits(best.median, 4),
    best_spread: digits(best.spread),
    GFLOPS: digits(FLOP / best.median / 1e6),
  }
})
report(rows, { json })
if (!json) console.log(`\n${seeds} seeds; ${describeMachine()}`)
