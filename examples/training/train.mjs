// Trains a small network and compares it, every second epoch, with what TVM makes of it for this machine: in float32 and in
// 8-bit integers. A page shows it live. In one epoch a picture with a hot pixel slips into the calibration of the 8-bit network, as
// happens: the page says which. Run it with `npm run demo:training`; `--epochs`, `--steps` and `--frequency` change how long and how
// often, `--hot-epoch` when, `--results FILE` keeps what was measured, `--stay` keeps the page after the training.
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { Service, TvmBackend, tensor } from 'tvm-node'
import { openInBrowser } from './browser.mjs'
import { CLASSES, generator, pictures, SIZE, withHotPixel } from './data.mjs'
import { accuracy, Network } from './network.mjs'
import { exportFloat, exportInt8 } from './onnx.mjs'
import { lineChart } from './plot.mjs'

const { values } = parseArgs({
  options: {
    epochs: { type: 'string', default: '41' },
    steps: { type: 'string', default: '50' },
    frequency: { type: 'string', default: '2' },
    'hot-epoch': { type: 'string', default: '12' },
    stay: { type: 'boolean', default: process.stdout.isTTY === true },
    plot: { type: 'string', default: 'build/training-drift.svg' },
    results: { type: 'string' },
  },
})
const [epochs, steps, frequency] = [values.epochs, values.steps, values.frequency].map(Number)

const network = new Network()
const random = generator(7)
const validation = pictures(200, generator(8))
const calibration = pictures(64, generator(9))
let epoch = 0
const models = {
  float32: () => exportFloat(network),
  int8: () =>
    exportInt8(network, epoch === Number(values['hot-epoch']) ? withHotPixel(calibration) : calibration),
}

const rows = []
const columns = [
  'epoch',
  'loss',
  'accuracy',
  'deployed',
  'MSE',
  'SQNR',
  'same class',
  'latency',
  'built',
  'in',
]
const widths = [5, 7, 8, 8, 9, 8, 10, 9, 10, 8]
const line = (cells) => cells.map((cell, i) => String(cell).padStart(widths[i])).join('  ')

const service = await Service.start({ port: 0 })
console.log(`watch it: ${service.url}\n`)
openInBrowser(service.url)
console.log(line(columns))

const backends = []
for (const [form, model] of Object.entries(models)) {
  const { results } = values
  const backend = await TvmBackend.create({
    board: 'local_cpu',
    val_frequency: frequency,
    threads: 1,
    results,
  })
  service.watch(backend, form)
  backends.push({ form, model, backend, evaluation: backend.evaluation() })
}
try {
  for (; epoch < epochs; epoch++) {
    let loss = 0
    for (let step = 0; step < steps; step++) loss += network.step(pictures(16, random)) / steps
    await validate(loss)
  }
} finally {
  for (const { backend } of backends) await backend.dispose()
}

await mkdir(dirname(values.plot), { recursive: true })
await writeFile(
  values.plot,
  lineChart({
    title: 'Deployed network against the one in training',
    x: 'epoch',
    y: 'mean squared error of the logits',
    series: Object.keys(models).map((form) => ({
      name: form,
      points: rows.filter((row) => row.form === form).map(({ epoch, mse }) => [epoch, mse]),
    })),
  }),
)
console.log(`\nplot of the drift: ${values.plot}`)
if (rows.length === 0 || rows.some(({ status }) => status !== 'measured')) process.exitCode = 1
if (values.stay) {
  console.log(`the page stays until Ctrl-C: ${service.url}`)
  await new Promise((resolve) => process.once('SIGINT', resolve))
}
await service.close()

/** A validation as a training server has it: batches of which the backends see the first. */
async function validate(loss) {
  const size = 100
  for (const { evaluation, model } of backends) await evaluation.onValidationEpochStart(model)
  const right = []
  for (let start = 0, index = 0; start < validation.count; start += size, index++) {
    const data = validation.data.slice(start * SIZE * SIZE, (start + size) * SIZE * SIZE)
    const logits = network.forward(data, size)
    right.push(accuracy(logits, validation.labels.slice(start, start + size)))
    const batch = { inputs: tensor(data, [size, 1, SIZE, SIZE]), outputs: tensor(logits, [size, CLASSES]) }
    for (const { evaluation } of backends) evaluation.onValidationBatchEnd(index, batch)
  }
  const share = right.reduce((a, b) => a + b, 0) / right.length
  for (const { form, evaluation } of backends) {
    const result = await evaluation.onValidationEpochEnd()
    if (result.status === 'skipped') continue
    const { status, metrics = {} } = result
    rows.push({ epoch, form, status, mse: metrics.val_backend_mse })
    const known = [epoch, loss.toFixed(4), `${(100 * share).toFixed(1)} %`, form]
    console.log(
      line([...known, ...(status === 'measured' ? measured(result) : [`${result.phase}: ${result.reason}`])]),
    )
  }
}

function measured({ metrics, rebuilt }) {
  return [
    metrics.val_backend_mse.toExponential(2),
    `${metrics.val_backend_sqnr_db.toFixed(1)} dB`,
    `${(100 * metrics.val_backend_top1_agreement).toFixed(1)} %`,
    `${metrics.val_backend_latency_us.toFixed(1)} us`,
    rebuilt,
    `${Math.round(metrics.val_backend_prepare_ms)} ms`,
  ]
}
