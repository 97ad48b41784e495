import { native } from '../native.js'
import { FIRST_GIVEN } from '../process/protocol.js'
import { byteLength, emptyTensor, type Tensor, tensorBytes, tensorFromBytes } from '../tensor.js'
import type { TensorInfo } from './artifact.js'
import type { NamedTensors } from './inputs.js'

/** So that the library takes tensors in place. */
const ALIGNMENT = 64

/** Tensors in memory that two processes share, for the one that did not write them. */
export interface Parcel {
  /** Bytes of the memory. */
  readonly size: number
  /** Of the tensors in the order in which both sides know them. */
  readonly shapes: readonly (readonly number[])[]
}

/** Memory of two processes, which both have it as a file without a name. */
class Memory {
  private buffer = new ArrayBuffer(0)

  constructor(private readonly descriptor: number) {}

  /** At least so many bytes. Earlier buffers stay and hold the same bytes. */
  bytes(size: number): ArrayBuffer {
    if (this.buffer.byteLength < size) this.buffer = native.mapMemoryFile(this.descriptor, size)
    return this.buffer
  }
}

/** A way for tensors to an engine and one back, each for one parcel at a time. The memory is gone with the last of the two processes. */
export class TensorChannel {
  private readonly files = [native.openMemoryFile(), native.openMemoryFile()] as const
  readonly there = new Memory(this.files[0][1])
  readonly back = new Memory(this.files[1][1])

  /** For the engine. */
  get descriptors(): readonly number[] {
    return this.files.map(([, descriptor]) => descriptor)
  }

  close(): void {
    for (const [file] of this.files) native.closeMemoryFile(file)
  }
}

/** The engine's end of its channel. */
export const engineChannel = {
  there: new Memory(FIRST_GIVEN),
  back: new Memory(FIRST_GIVEN + 1),
} as const

/** Where tensors are put for another process; later ones take the place of earlier ones. */
export class Outbox {
  constructor(
    private readonly memory: Memory,
    private readonly infos: readonly TensorInfo[],
  ) {}

  /** Copies tensors in. @throws `ERR_SHARED_MEMORY` */
  put(tensors: NamedTensors): Parcel {
    const shapes = this.infos.map(({ name }) => (tensors[name] as Tensor).shape)
    const buffer = this.memory.bytes(sizeOf(this.infos, shapes))
    for (const [each, view] of Object.entries(viewsOf(buffer, this.infos, shapes)))
      copy(view, tensors[each] as Tensor)
    return { size: buffer.byteLength, shapes }
  }
}

/** Where tensors of another process are found. */
export class Inbox {
  constructor(
    private readonly memory: Memory,
    private readonly infos: readonly TensorInfo[],
  ) {}

  /** The tensors in place: they change when the other side puts others there. */
  inPlace({ size, shapes }: Parcel): NamedTensors {
    return viewsOf(this.memory.bytes(size), this.infos, shapes)
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
