import { OnnxRuntime } from '../onnx-runtime.js'
import type { NamedTensors } from '../session/inputs.js'

/** Another runtime to measure against. */
export interface Peer {
  readonly name: string
  readonly version: string
  run(): Promise<void>
  dispose(): Promise<void>
}

/**
 * The model in ONNX Runtime with as many threads of its CPU provider.
 *
 * @throws `ERR_NO_PEER` when it is not installed or refuses the model.
 */
export async function openOnnxRuntime(model: string, inputs: NamedTensors, threads: number): Promise<Peer> {
  const runtime = await OnnxRuntime.open(model, threads)
  const feeds = runtime.feeds(inputs)
  return {
    name: 'onnxruntime',
    version: runtime.version,
    run: async () => void (await runtime.run(feeds)),
    dispose: () => runtime.dispose(),
  }
}
