// Runs a network on a board that SSH reaches, measures it there, tunes it there, and measures again. The board needs an sshd and
// something that runs networks: tvm-node, or TVM's runtime with Python.
//
// usage: node examples/remote-board/remote-board.mjs [BOARD] [MODEL.onnx] [TRIALS]
//   BOARD   a name of `tvm-node boards`, or the path of a description; default desk.yml beside this file
//   TRIALS  for each operator that can be tuned; default 16
import { fileURLToPath } from 'node:url'
import { TvmBackend, tensor } from 'tvm-node'

const beside = (path) => fileURLToPath(new URL(path, import.meta.url))
const [
  board = beside('desk.yml'),
  model = beside('../../test/fixtures/models/kws_dscnn/model.onnx'),
  trials = '16',
] = process.argv.slice(2)

const untuned = await measure({ board, tuner: 'baseline' })
for (const [name, { shape }] of Object.entries(untuned.outputs)) console.log(`${name}: [${shape}]`)
console.log(`latency on the board: ${untuned.metrics.latency_us.toFixed(0)} us`)
const [slowest] = [...untuned.profile].sort((a, b) => b.durationUs - a.durationUs)
if (slowest) console.log(`slowest operator: ${slowest.name}, ${slowest.percent.toFixed(0)} %`)

const tuner = { name: 'autotvm', task_budget: Number(trials), runner: { min_repeat_ms: 5 } }
const tuned = await measure({ board, tuner })
console.log(`after tuning: ${tuned.metrics.latency_us.toFixed(0)} us`)

/** The board is taken when it is first needed, and given back at the end, whatever happens in between. */
async function measure(config) {
  const backend = await TvmBackend.create(config)
  try {
    await backend.prepare(model, {
      onProgress: ({ phase, step }) => step && console.error(`${phase}: ${step}`),
    })
    const inputs = Object.fromEntries(
      backend.inputs.map(({ name, shape }) => {
        const size = shape.reduce((product, extent) => product * extent, 1)
        return [name, tensor(new Float32Array(size).fill(0.5), [...shape])]
      }),
    )
    return await backend.profile(inputs)
  } finally {
    await backend.dispose()
  }
}
