// Runs a network on a board behind a tracker, and measures it there. On a desk, tracker and server run on other machines; here
// both run in this process, so that the example needs nothing but itself.
//
// usage: node examples/remote-board/remote-board.mjs [MODEL.onnx]
import { fileURLToPath } from 'node:url'
import { RpcServer, Tracker, TvmBackend, tensor } from 'tvm-node'

const fallback = new URL('../../test/fixtures/models/kws_dscnn/model.onnx', import.meta.url)
const model = process.argv[2] ?? fileURLToPath(fallback)

// On the host: tvm-node tracker
const tracker = await Tracker.start({ port: 0 })
// On the board: tvm-node server --key desk --tracker HOST:PORT
const server = await RpcServer.start({ port: 0, key: 'desk', tracker: tracker.address })

const { host, port } = tracker.address
const backend = await TvmBackend.create({
  board: { name: 'desk', target: 'llvm', tracker: `${host}:${port}` },
})
try {
  await backend.prepare(model)
  const inputs = Object.fromEntries(
    backend.inputs.map(({ name, shape }) => {
      const size = shape.reduce((product, extent) => product * extent, 1)
      return [name, tensor(new Float32Array(size).fill(0.5), [...shape])]
    }),
  )
  const { outputs, metrics, profile } = await backend.profile(inputs)
  for (const [name, { shape }] of Object.entries(outputs)) console.log(`${name}: [${shape}]`)
  console.log(`latency on the board: ${metrics.latency_us.toFixed(0)} us`)
  const [slowest] = [...profile].sort((a, b) => b.durationUs - a.durationUs)
  if (slowest) console.log(`slowest operator: ${slowest.name}, ${slowest.percent.toFixed(0)} %`)
} finally {
  await backend.dispose()
  await server.close()
  await tracker.close()
}
