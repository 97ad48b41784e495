// The lines that put a backend into a training loop of your own. `trainer` stands for what you have: here the network of this
// example, which could be anything that exports ONNX.
import { TvmBackend } from 'tvm-node'
import { trainer } from './trainer.mjs'

const backend = await TvmBackend.create({ board: 'local_cpu', val_frequency: 2, threads: 1 })
const evaluation = backend.evaluation({ policy: 'background', onResult: (result) => trainer.log(result) })
for (let epoch = 0; epoch < 3; epoch++) {
  await trainer.trainEpoch()
  await evaluation.onValidationEpochStart(() => trainer.exportOnnx())
  for (const [i, { inputs, outputs }] of trainer.validate())
    evaluation.onValidationBatchEnd(i, { inputs, outputs })
  await evaluation.onValidationEpochEnd()
}
await evaluation.idle()
await backend.dispose()
