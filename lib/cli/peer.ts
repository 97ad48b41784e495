import { TvmNodeError } from '../errors.js'
import type { NamedTensors } from '../session/inputs.js'
import type { DType, Tensor } from '../tensor.js'

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
  const ort = await import('onnxruntime-node').catch((cause: unknown) => {
    throw new TvmNodeError('ERR_NO_PEER', 'onnxruntime-node is not installed', { cause })
  })
  try {
    const session = await ort.InferenceSession.create(model, {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
    })
    const feeds = Object.fromEntries(
      Object.entries(inputs).map(([name, { dtype, data, shape }]) => [
        name,
        new ort.Tensor(dtype as Plain, data as never, [...shape]),
      ]),
    )
    return {
      name: 'onnxruntime',
      version: ort.env.versions.node ?? '',
      run: async () => void (await session.run(feeds)),
      dispose: () => session.release(),
    }
  } catch (cause) {
    throw new TvmNodeError('ERR_NO_PEER', `ONNX Runtime refuses the model: ${(cause as Error).message}`, {
      cause,
    })
  }
}

/** Element types that both sides hold alike. */
type Plain = Exclude<DType, 'bfloat16' | 'complex64' | 'complex128' | `float8${string}`> & Tensor['dtype']
