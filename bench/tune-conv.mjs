// Tuning one 3x3 convolution, 64 channels on 56x56: trials a second and the best latency, ours and Python TVM's in turns.
// Usage: node bench/tune-conv.mjs [--trials 128] [--seeds 3] [--python PYTHON] [--json]
import { tuneWorkloads } from '#lib/tuning/tune.js'
import { readArguments } from './support.mjs'
import { contest, runPeer } from './tuning-contest.mjs'

const { trials, seeds, python, json } = readArguments({ trials: 128, seeds: 3, python: '' })
const TARGET = 'llvm -mcpu=x86-64-v3'
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
  return { trials, seconds: (ended - started) / 1000, best_ms: best, valid }
}

const peer = (seed) => runPeer(python, 'tune_conv.py', trials, seed)
await contest({ 'tvm-node': own, ...(python ? { 'Python TVM': peer } : {}) }, { seeds, json })
