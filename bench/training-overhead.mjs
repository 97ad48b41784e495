// Steps of training with and without a backend in the background, in turns: 200 steps between validations, each of which is
// measured on `local_cpu` with one thread. Steps are short, of four pictures, so that the event loop shows what the backend adds; the training itself runs in plain loops on this thread.
// Usage: node bench/training-overhead.mjs [--rounds 6] [--steps 200] [--json]

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import { TvmBackend, tensor } from 'tvm-node'
import { quantile, summarize } from '#lib/statistics.js'
import { CLASSES, generator, pictures, SIZE } from '../examples/training/data.mjs'
import { Network } from '../examples/training/network.mjs'
import { exportFloat } from '../examples/training/onnx.mjs'
import { describeMachine, digits, readArguments, report } from './support.mjs'

const { rounds, steps, json } = readArguments({ rounds: 6, steps: 200 })
const network = new Network()
const random = generator(7)
const batch = pictures(64, generator(8))
const outcomes = {}

/** Validates, then trains; the event loop gets a turn after each step, as in any trainer that serves others too. */
async function round(evaluation) {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const started = performance.now()
  const outputs = tensor(network.forward(batch.data, batch.count), [batch.count, CLASSES])
  if (evaluation) {
    await evaluation.onValidationEpochStart(() => exportFloat(network))
    evaluation.onValidationBatchEnd(0, { inputs: tensor(batch.data, [batch.count, 1, SIZE, SIZE]), outputs })
    await evaluation.onValidationEpochEnd()
  } else {
    // What a validation costs the trainer itself.
    exportFloat(network)
  }
  for (let step = 0; step < steps; step++) {
    network.step(pictures(4, random))
    await turn()
  }
  const rate = (1000 * steps) / (performance.now() - started)
  delay.disable()
  return { rate, p99: delay.percentile(99) / 1e6 }
}

const backend = await TvmBackend.create({ board: 'local_cpu', val_frequency: 1, threads: 1 })
const evaluation = backend.evaluation({
  policy: 'background',
  onResult: ({ status }) => {
    outcomes[status] = (outcomes[status] ?? 0) + 1
  },
})
await round()
// The first epoch builds everything, later ones parameters.
const results = { alone: [], background: [], 'background, first epoch': [await round(evaluation)] }
await evaluation.idle()
for (let i = 0; i < rounds; i++) {
  results.alone.push(await round())
  results.background.push(await round(evaluation))
  // So that the next round alone is alone.
  await evaluation.idle()
}
await backend.dispose()

const rows = Object.entries(results).map(([how, list]) => {
  const { median, spread } = summarize(list.map(({ rate }) => rate))
  const delays = list.map(({ p99 }) => p99).sort((a, b) => a - b)
  return {
    training: how,
    steps_per_second: digits(median, 4),
    spread: digits(spread),
    event_loop_p99_ms: digits(quantile(delays, 0.5)),
  }
})
report(rows, { json })
const ratio = digits(rows[1].steps_per_second / rows[0].steps_per_second)
if (json) console.log(JSON.stringify({ ratio, outcomes }))
else console.log(`\nratio ${ratio}; epochs ${JSON.stringify(outcomes)}\n${describeMachine()}`)
