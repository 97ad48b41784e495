import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { TvmNodeError } from './errors.js'
import type { NamedTensors } from './session/inputs.js'
import { type DType, type Tensor, tensor } from './tensor.js'

/** Element types that both sides hold alike. */
type Plain = Exclude<DType, 'bfloat16' | 'complex64' | 'complex128' | `float8${string}`> & Tensor['dtype']

/** A model in ONNX Runtime, which is an optional peer: for references and comparisons. */
export class OnnxRuntime {
  private constructor(
    private readonly ort: typeof import('onnxruntime-node'),
    private readonly session: InferenceSession,
  ) {}

  /**
   * @param threads - Of its CPU provider.
   * @throws `ERR_NO_PEER` when it is not installed or refuses the model.
   */
  static async open(model: string, threads: number): Promise<OnnxRuntime> {
    const ort = await import('onnxruntime-node').catch((cause: unknown) => {
      throw new TvmNodeError('ERR_NO_PEER', 'onnxruntime-node is not installed', { cause })
    })
    const opening = ort.InferenceSession.create(model, {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
    })
    return new OnnxRuntime(ort, await opening.catch(refused))
  }

  get version(): string {
    return this.ort.env.versions.node ?? ''
  }

  /** Inputs in its own form, for several runs. */
  feeds(inputs: NamedTensors): Record<string, OrtTensor> {
    return Object.fromEntries(
      Object.entries(inputs).map(([name, { dtype, data, shape }]) => [
        name,
        new this.ort.Tensor(dtype as Plain, data as never, [...shape]),
      ]),
    )
  }

  async run(feeds: Record<string, OrtTensor>): Promise<NamedTensors> {
    const outputs = await this.session.run(feeds).catch(refused)
    return Object.fromEntries(
      Object.entries(outputs).map(([name, { type, data, dims }]) => [
        name,
        tensor(data as Tensor['data'], dims, type as DType),
      ]),
    )
  }

  dispose(): Promise<void> {
    return this.session.release()
  }
}

function refused(cause: Error): never {
  throw new TvmNodeError('ERR_NO_PEER', `ONNX Runtime refuses the model: ${cause.message}`, { cause })
}
