// auto_scheduler on one 3x3 convolution with ReLU, 64 channels on 56x56: trials a second and the best latency, ours and Python
// TVM's in turns. Usage: node bench/search-conv.mjs [--trials 128] [--peerTrials 32] [--seeds 3] [--python PYTHON] [--json]
import { message } from '#lib/frontend/onnx/schema.js'
import { tune } from '#lib/tuning/tune.js'
import { readArguments } from './support.mjs'
import { contest, runPeer } from './tuning-contest.mjs'

const { trials, peerTrials, seeds, python, json } = readArguments({
  trials: 128,
  peerTrials: 32,
  seeds: 3,
  python: '',
})
const TARGET = 'llvm -mcpu=x86-64-v3'
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

const peer = (seed) => runPeer(python, 'search_conv.py', peerTrials, seed)
await contest({ 'tvm-node': own, ...(python ? { 'Python TVM': peer } : {}) }, { seeds, json })
