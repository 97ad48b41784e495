import { TvmNodeError } from '../errors.js'
import { native, type NativeArrayInfo } from '../native.js'
import { type DType, emptyTensor, type Tensor } from '../tensor.js'
import { formatDataType, parseDataType } from './dtype.js'
import { Handle } from './handle.js'
import { type DeviceType, deviceCode } from './value.js'

/** A tensor in the library's hands (TVM v0.18, include/tvm/runtime/ndarray.h). */
export class NDArray extends Handle {
  /** Memory for `shape`, 64-byte aligned, not initialised. */
  static empty(shape: readonly number[], dtype: string, on: DeviceType = 'cpu', id = 0): NDArray {
    const { code, bits, lanes } = parseDataType(dtype)
    return native.arrayEmpty(shape, code, bits, lanes, deviceCode(on), id) as NDArray
  }

  /**
   * An array over the tensor's own memory, which it keeps alive, where that is 64-byte aligned; else a copy.
   *
   * @throws `ERR_INVALID_ARGUMENT` for element types that TVM has no arrays of (strings, packed 4-bit integers, complex).
   */
  static from({ dtype, shape, data }: Tensor): NDArray {
    if (!ArrayBuffer.isView(data) || unsupported.has(dtype)) {
      throw new TvmNodeError('ERR_INVALID_ARGUMENT', `TVM has no arrays of ${dtype}`, { details: { dtype } })
    }
    const { code, bits, lanes } = parseDataType(tvmNames[dtype] ?? dtype)
    return native.arrayFrom(data, shape, code, bits, lanes) as NDArray
  }

  get info(): NativeArrayInfo {
    return native.arrayInfo(this)
  }
  get shape(): number[] {
    return this.info.shape
  }
  /** TVM's spelling of the element type. */
  get dtype(): string {
    return formatDataType(this.info)
  }
  /** A copy of the contents. */
  toTensor(): Tensor {
    const { shape } = this
    const tensor = emptyTensor(this.dtype as DType, shape)
    native.arrayCopyTo(this, tensor.data as ArrayBufferView)
    return tensor
  }
  /** Overwrites the contents. The number of bytes must agree. */
  copyFrom(tensor: Tensor): void {
    native.arrayCopyFrom(this, tensor.data as ArrayBufferView)
  }
}

const unsupported = new Set<DType>(['string', 'int4', 'uint4', 'complex64', 'complex128'])
const tvmNames: Partial<Record<DType, string>> = { float8e4m3fn: 'e4m3_float8', float8e5m2: 'e5m2_float8' }
