import { TvmNodeError } from '../errors.js'
import { type NativeArrayInfo, native } from '../native.js'
import {
  type DType,
  elementCount,
  emptyTensor,
  type Tensor,
  tensorBytes,
  tensorFromBytes,
} from '../tensor.js'
import { type DataType, formatDataType, parseDataType } from './dtype.js'
import { Handle } from './handle.js'
import { type DeviceType, deviceCode } from './value.js'

/** Where an array's elements lie in the memory it is made over; both count elements. */
export interface Placement {
  /** One for each axis; may be 0 or negative. */
  readonly strides: readonly number[]
  /** Of the element of index 0; default 0. */
  readonly offset?: number
}

/** Hears which arrays are made over which memory, and whose contents are read. */
export interface ArrayObserver {
  made(array: NDArray, tensor: Tensor): void
  read(array: NDArray): void
}
let observer: ArrayObserver | undefined

/** Sets the observer, of which there is at most one; undefined for none. */
export function observeArrays(by: ArrayObserver | undefined): void {
  observer = by
}

/** A tensor in the library's hands (TVM v0.18, include/tvm/runtime/ndarray.h). */
export class NDArray extends Handle {
  #info: NativeArrayInfo | undefined

  /** Memory for `shape`, 64-byte aligned, not initialised. `dtype` is TVM's spelling; a device may be given by its number. */
  static empty(shape: readonly number[], dtype: string, on: DeviceType | number = 'cpu', id = 0): NDArray {
    const { code, bits, lanes } = parseDataType(dtype)
    return native.arrayEmpty(
      shape,
      code,
      bits,
      lanes,
      typeof on === 'number' ? on : deviceCode(on),
      id,
    ) as NDArray
  }

  /**
   * An array over the tensor's own memory, which it keeps alive, where that is 64-byte aligned (see `alignedTensor`); else a
   * copy. Memory in use must not be transferred to another thread.
   *
   * @throws `ERR_INVALID_ARGUMENT` for element types that TVM has no arrays of (strings, packed 4-bit integers, complex).
   */
  static from({ dtype, shape, data }: Tensor): NDArray {
    const { code, bits, lanes } = tvmType(dtype)
    const array = native.arrayFrom(data as ArrayBufferView, shape, code, bits, lanes) as NDArray
    observer?.made(array, { dtype, shape, data })
    return array
  }

  /**
   * An array of `shape` gathered from anywhere in the tensor's memory: transposed, sliced, repeated. Always a copy, since
   * the library's arrays are contiguous.
   *
   * @throws `ERR_INVALID_ARGUMENT` when an element would lie outside.
   */
  static strided(
    { dtype, data }: Tensor,
    shape: readonly number[],
    { strides, offset = 0 }: Placement,
  ): NDArray {
    const { code, bits, lanes } = tvmType(dtype)
    return native.arrayFrom(data as ArrayBufferView, shape, code, bits, lanes, strides, offset) as NDArray
  }

  get info(): NativeArrayInfo {
    this.#info ??= native.arrayInfo(this)
    return this.#info
  }
  get shape(): readonly number[] {
    return this.info.shape
  }
  /** TVM's spelling of the element type. */
  get dtype(): string {
    return formatDataType(this.info)
  }
  get device(): { readonly type: number; readonly id: number } {
    return { type: this.info.deviceType, id: this.info.deviceId }
  }
  /** A copy of the contents in row-major order. */
  toTensor(): Tensor {
    const result = emptyTensor(tensorType(this.dtype), this.shape)
    this.copyTo(result)
    return result
  }
  /** Writes the contents into `target`, in row-major order. The number of bytes must agree. */
  copyTo(target: Tensor): void {
    native.arrayCopyTo(this, target.data as ArrayBufferView)
    observer?.read(this)
  }
  /** Overwrites the contents. The number of bytes must agree. */
  copyFrom(source: Tensor): void {
    native.arrayCopyFrom(this, source.data as ArrayBufferView)
  }
}

/** Alignment that arrays need to be used in place. */
const ALIGNMENT = 64

/** A tensor of zeros whose memory `NDArray.from` takes without a copy. */
export function alignedTensor(dtype: DType, shape: readonly number[]): Tensor {
  if (unsupported.has(dtype)) refuse(dtype)
  const item = tensorBytes(emptyTensor(dtype, [1])) as Uint8Array
  const size = elementCount(shape) * item.byteLength
  const memory = new Uint8Array(size + ALIGNMENT)
  const start = (ALIGNMENT - (native.viewAddress(memory) % ALIGNMENT)) % ALIGNMENT
  return tensorFromBytes(dtype, shape, memory.subarray(start, start + size))
}

const unsupported = new Set<DType>([
  'string',
  'int4',
  'uint4',
  'complex64',
  'complex128',
  'float8e4m3fnuz',
  'float8e5m2fnuz',
])
const tvmNames: Partial<Record<DType, string>> = { float8e4m3fn: 'e4m3_float8', float8e5m2: 'e5m2_float8' }
const tensorNames = new Map(Object.entries(tvmNames).map(([dtype, name]) => [name, dtype as DType]))

function refuse(dtype: DType): never {
  throw new TvmNodeError('ERR_INVALID_ARGUMENT', `TVM has no arrays of ${dtype}`, { details: { dtype } })
}

function tvmType(dtype: DType): DataType {
  return unsupported.has(dtype) ? refuse(dtype) : parseDataType(tvmNames[dtype] ?? dtype)
}

function tensorType(name: string): DType {
  return tensorNames.get(name) ?? (name as DType)
}
