import { OnnxRuntime } from '../onnx-runtime.js'
import type { NamedTensors } from '../session/inputs.js'

export interface ReferenceRequest {
  /** Path of the model. */
  readonly model: string
  readonly runs: readonly NamedTensors[]
}

/** What ONNX Runtime computes from each of the inputs: in an engine, since its runs hold up the thread that asks for them. */
export async function run({ model, runs }: ReferenceRequest): Promise<NamedTensors[]> {
  const runtime = await OnnxRuntime.open(model, 1)
  try {
    const outputs: NamedTensors[] = []
    for (const inputs of runs) outputs.push(await runtime.run(runtime.feeds(inputs)))
    return outputs
  } finally {
    await runtime.dispose()
  }
}
