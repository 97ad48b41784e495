import { byteLength, emptyTensor, type Tensor, tensorBytes, tensorFromBytes } from '../tensor.js'
import type { TensorInfo } from './artifact.js'
import type { NamedTensors } from './inputs.js'

/** So that the library takes tensors in place. */
const ALIGNMENT = 64

/** Tensors of known shapes laid out in memory that two processes share. */
export class SharedTensors {
  private constructor(private readonly views: NamedTensors) {}

  /** Bytes that the tensors need. */
  static size(infos: readonly TensorInfo[]): number {
    return infos.reduce((total, info) => total + room(info), 0)
  }

  /** @param offset - Where in the buffer they begin, a multiple of 64. */
  static over(buffer: ArrayBuffer, infos: readonly TensorInfo[], offset = 0): SharedTensors {
    let at = offset
    const views = infos.map((info): [string, Tensor] => {
      const { name, dtype, shape } = info
      const bytes = new Uint8Array(buffer, at, byteLength(dtype, shape))
      at += room(info)
      return [name, tensorFromBytes(dtype, shape, bytes)]
    })
    return new SharedTensors(Object.fromEntries(views))
  }

  /** The tensors in place: they change with the next write. */
  get inPlace(): NamedTensors {
    return this.views
  }

  /** Copies tensors of the same shapes and types in. */
  write(tensors: NamedTensors): void {
    for (const [name, view] of Object.entries(this.views)) copy(view, tensors[name] as Tensor)
  }

  /** Copies the tensors out. */
  read(): NamedTensors {
    return Object.fromEntries(
      Object.entries(this.views).map(([name, view]) => {
        const tensor = emptyTensor(view.dtype, view.shape)
        copy(tensor, view)
        return [name, tensor]
      }),
    )
  }
}

function copy(to: Tensor, from: Tensor): void {
  tensorBytes(to)?.set(tensorBytes(from) as Uint8Array)
}

function room({ dtype, shape }: TensorInfo): number {
  return Math.ceil(byteLength(dtype, shape) / ALIGNMENT) * ALIGNMENT
}
