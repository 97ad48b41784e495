import { native } from '../native.js'
import { byteLength, emptyTensor, type Tensor, tensorBytes, tensorFromBytes } from '../tensor.js'
import type { TensorInfo } from './artifact.js'
import type { NamedTensors } from './inputs.js'

/** So that the library takes tensors in place. */
const ALIGNMENT = 64

/** Tensors in memory that two processes share, for the one that did not write them. */
export interface Parcel {
  readonly memory: { readonly name: string; readonly size: number }
  /** Of the tensors in the order in which both sides know them. */
  readonly shapes: readonly (readonly number[])[]
}

/** Where tensors are put for another process; later ones take the place of earlier ones. */
export class Outbox {
  private memory: { readonly name: string; readonly buffer: ArrayBuffer } | undefined

  constructor(private readonly infos: readonly TensorInfo[]) {}

  /** Copies tensors in. */
  put(tensors: NamedTensors): Parcel {
    const shapes = this.infos.map(({ name }) => (tensors[name] as Tensor).shape)
    const needed = sizeOf(this.infos, shapes)
    if (!this.memory || this.memory.buffer.byteLength < needed) {
      this.dispose()
      this.memory = native.sharedMemoryCreate(needed)
    }
    const { name, buffer } = this.memory
    for (const [each, view] of Object.entries(viewsOf(buffer, this.infos, shapes)))
      copy(view, tensors[each] as Tensor)
    return { memory: { name, size: buffer.byteLength }, shapes }
  }

  /** Forgets the memory, which the other side may not have opened. */
  dispose(): void {
    if (this.memory) native.sharedMemoryUnlink(this.memory.name)
    this.memory = undefined
  }
}

/** Where tensors of another process are found. */
export class Inbox {
  private memory: { readonly name: string; readonly buffer: ArrayBuffer } | undefined

  constructor(private readonly infos: readonly TensorInfo[]) {}

  /** The tensors in place: they change when the other side puts others there. */
  inPlace({ memory: { name, size }, shapes }: Parcel): NamedTensors {
    if (this.memory?.name !== name) this.memory = { name, buffer: native.sharedMemoryOpen(name, size) }
    return viewsOf(this.memory.buffer, this.infos, shapes)
  }

  /** Copies of the tensors. */
  take(parcel: Parcel): NamedTensors {
    const entries = Object.entries(this.inPlace(parcel)).map(([name, view]) => {
      const tensor = emptyTensor(view.dtype, view.shape)
      copy(tensor, view)
      return [name, tensor] as const
    })
    return Object.fromEntries(entries)
  }
}

type Shapes = Parcel['shapes']

/** Bytes that the tensors need; memory of none cannot be mapped. */
function sizeOf(infos: readonly TensorInfo[], shapes: Shapes): number {
  return Math.max(
    1,
    infos.reduce((total, { dtype }, i) => total + room(dtype, shapes[i] ?? []), 0),
  )
}

function viewsOf(buffer: ArrayBuffer, infos: readonly TensorInfo[], shapes: Shapes): NamedTensors {
  let at = 0
  const views = infos.map(({ name, dtype }, i): [string, Tensor] => {
    const shape = shapes[i] ?? []
    const bytes = new Uint8Array(buffer, at, byteLength(dtype, shape))
    at += room(dtype, shape)
    return [name, tensorFromBytes(dtype, shape, bytes)]
  })
  return Object.fromEntries(views)
}

function copy(to: Tensor, from: Tensor): void {
  tensorBytes(to)?.set(tensorBytes(from) as Uint8Array)
}

function room(dtype: Tensor['dtype'], shape: readonly number[]): number {
  return Math.ceil(byteLength(dtype, shape) / ALIGNMENT) * ALIGNMENT
}
