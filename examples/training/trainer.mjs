// A trainer as small as can be, for `embed.mjs`.
import { setImmediate as turn } from 'node:timers/promises'
import { tensor } from 'tvm-node'
import { CLASSES, generator, pictures, SIZE } from './data.mjs'
import { Network } from './network.mjs'
import { exportFloat } from './onnx.mjs'

const network = new Network()
const random = generator(3)
const batch = pictures(32, generator(4))

export const trainer = {
  async trainEpoch() {
    for (let step = 0; step < 20; step++) {
      network.step(pictures(16, random))
      await turn()
    }
  },
  exportOnnx: () => exportFloat(network),
  *validate() {
    const outputs = tensor(network.forward(batch.data, batch.count), [batch.count, CLASSES])
    yield [0, { inputs: tensor(batch.data, [batch.count, 1, SIZE, SIZE]), outputs }]
  },
  log({ epoch, status, metrics, reason }) {
    console.log(
      `epoch ${epoch}: ${status} ${metrics ? `MSE ${metrics.val_backend_mse.toExponential(1)}` : reason}`,
    )
  },
}
