// Compiles an image network, runs it on one picture, and shows what comes out beside the reference that came with the
// network. Run it with `npm run demo`, which builds first whatever is missing.
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compile, load } from 'tvm-node'
import { readTestDataSets } from '#lib/frontend/onnx/test-data.js'

/** Largest difference that counts as the same result: float32 sums in another order differ by less. */
const TOLERANCE = 1e-4

const folder = fileURLToPath(new URL('../../test/fixtures/models/ic_resnet8', import.meta.url))
const scratch = await mkdtemp(join(tmpdir(), 'tvm-node-demo-'))
try {
  const path = join(scratch, 'ic_resnet8.tvm')
  const started = performance.now()
  const artifact = await compile(join(folder, 'model.onnx'), { target: 'llvm -mcpu=native' })
  await artifact.save(path)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`ic_resnet8: compiled in ${seconds} s to ${Math.round((await stat(path)).size / 1024)} kB`)

  const [{ inputs, outputs: reference }] = readTestDataSets(folder)
  const session = await load(path, { threads: 2 })
  try {
    const [outputs, latency] = await measure(() => session.run(inputs))
    console.log(`one run takes ${latency.toFixed(2)} ms (median)\n`)
    for (const name of Object.keys(reference)) compare(name, outputs[name], reference[name])
  } finally {
    await session.dispose()
  }
} finally {
  await rm(scratch, { recursive: true })
}

/** The result of a run, and the median time in milliseconds of 50. */
async function measure(run) {
  const result = await run()
  const times = []
  for (let i = 0; i < 50; i++) {
    const started = performance.now()
    await run()
    times.push(performance.now() - started)
  }
  return [result, times.sort((a, b) => a - b)[25]]
}

function compare(name, output, reference) {
  console.log(`${name} [${output.shape}]\n`)
  console.log('class     tvm-node    reference   difference')
  let largest = 0
  output.data.forEach((value, i) => {
    const difference = Math.abs(value - reference.data[i])
    largest = Math.max(largest, difference)
    console.log(
      `${String(i).padStart(5)} ${value.toFixed(8).padStart(12)} ${reference.data[i].toFixed(8).padStart(12)} ${difference.toExponential(1).padStart(12)}`,
    )
  })
  const same = largest <= TOLERANCE
  console.log(
    `\nlargest difference ${largest.toExponential(1)}: ${same ? 'the same result' : 'NOT the same result'}`,
  )
  if (!same) process.exitCode = 1
}
