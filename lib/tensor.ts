import { TvmNodeError } from './errors.js'

interface DTypeInfo {
  /** The typed array that holds elements; undefined for strings. */
  readonly array?: TypedArrayConstructor
  readonly bits: number
  /** Typed-array elements per tensor element; complex numbers take two. */
  readonly width?: number
}

type TypedArrayConstructor = {
  new (length: number): TypedArray
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): TypedArray
  readonly BYTES_PER_ELEMENT: number
}

const table = {
  float32: { array: Float32Array, bits: 32 },
  float64: { array: Float64Array, bits: 64 },
  float16: { array: Uint16Array, bits: 16 },
  bfloat16: { array: Uint16Array, bits: 16 },
  int8: { array: Int8Array, bits: 8 },
  int16: { array: Int16Array, bits: 16 },
  int32: { array: Int32Array, bits: 32 },
  int64: { array: BigInt64Array, bits: 64 },
  uint8: { array: Uint8Array, bits: 8 },
  uint16: { array: Uint16Array, bits: 16 },
  uint32: { array: Uint32Array, bits: 32 },
  uint64: { array: BigUint64Array, bits: 64 },
  bool: { array: Uint8Array, bits: 8 },
  string: { bits: 0 },
  float8e4m3fn: { array: Uint8Array, bits: 8 },
  float8e4m3fnuz: { array: Uint8Array, bits: 8 },
  float8e5m2: { array: Uint8Array, bits: 8 },
  float8e5m2fnuz: { array: Uint8Array, bits: 8 },
  int4: { array: Uint8Array, bits: 4 },
  uint4: { array: Uint8Array, bits: 4 },
  complex64: { array: Float32Array, bits: 64, width: 2 },
  complex128: { array: Float64Array, bits: 128, width: 2 },
} as const satisfies Record<string, DTypeInfo>

/** Element types: those of ONNX. float16 and bfloat16 are held as bits, int4 and uint4 packed, low nibble first. */
export type DType = keyof typeof table
/** What holds numbers. */
export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
/** The elements of a tensor: texts for `string`, else numbers. */
export type TensorData = TypedArray | string[]

/** A tensor in row-major order. */
export interface Tensor {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: TensorData
}

export const dtypes = Object.keys(table) as DType[]

export function isDType(name: string): name is DType {
  return name in table
}

export function isTensor(value: unknown): value is Tensor {
  return (
    typeof value === 'object' && value !== null && 'dtype' in value && 'shape' in value && 'data' in value
  )
}

/** Number of elements of a shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((total, dim) => total * dim, 1)
}

/** Length of the array that holds a tensor of this type and shape. */
export function dataLength(dtype: DType, shape: readonly number[]): number {
  const info: DTypeInfo = table[dtype]
  const count = elementCount(shape)
  return info.bits === 4 ? Math.ceil(count / 2) : count * (info.width ?? 1)
}

/** Bytes of a tensor of this type and shape; 0 for strings. */
export function byteLength(dtype: DType, shape: readonly number[]): number {
  const { array }: DTypeInfo = table[dtype]
  return dataLength(dtype, shape) * (array?.BYTES_PER_ELEMENT ?? 0)
}

/** A tensor of zeros (empty strings). */
export function emptyTensor(dtype: DType, shape: readonly number[]): Tensor {
  const length = dataLength(dtype, shape)
  const { array }: DTypeInfo = table[dtype]
  return { dtype, shape: [...shape], data: array ? new array(length) : new Array<string>(length).fill('') }
}

/**
 * A tensor over bytes, little endian: in place where they are aligned to the element size, else over a copy.
 *
 * @throws `ERR_INVALID_ARGUMENT` when the number of bytes does not fit the shape.
 */
export function tensorFromBytes(dtype: DType, shape: readonly number[], bytes: Uint8Array): Tensor {
  const { array }: DTypeInfo = table[dtype]
  const length = dataLength(dtype, shape)
  if (!array || bytes.byteLength !== length * array.BYTES_PER_ELEMENT) {
    throw new TvmNodeError(
      'ERR_INVALID_ARGUMENT',
      `${dtype} of shape [${shape}] needs ${array ? length * array.BYTES_PER_ELEMENT : 'text'} bytes, got ${bytes.byteLength}`,
      { details: { dtype, shape, bytes: bytes.byteLength } },
    )
  }
  // Not slice(), which for a Buffer is another view.
  const aligned = bytes.byteOffset % array.BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes)
  return { dtype, shape: [...shape], data: new array(aligned.buffer, aligned.byteOffset, length) }
}

/** The bytes of a tensor, without a copy; undefined for strings. */
export function tensorBytes({ data }: Tensor): Uint8Array | undefined {
  return Array.isArray(data) ? undefined : new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

const defaults = new Map<unknown, DType>([
  [Float32Array, 'float32'],
  [Float64Array, 'float64'],
  [Int8Array, 'int8'],
  [Int16Array, 'int16'],
  [Int32Array, 'int32'],
  [BigInt64Array, 'int64'],
  [Uint8Array, 'uint8'],
  [Uint16Array, 'uint16'],
  [Uint32Array, 'uint32'],
  [BigUint64Array, 'uint64'],
  [Array, 'string'],
])

/**
 * A tensor over `data`, without a copy.
 *
 * @param shape - Default: one dimension of all elements.
 * @param dtype - Default: that of the typed array; needed for bool, float16, bfloat16, float8, 4-bit and complex types.
 * @throws `ERR_INVALID_ARGUMENT` when data, shape and type do not fit.
 */
export function tensor(data: TensorData, shape?: readonly number[], dtype?: DType): Tensor {
  const type = dtype ?? defaults.get((data as object).constructor)
  if (!type)
    throw new TvmNodeError('ERR_INVALID_ARGUMENT', 'data must be a typed array or an array of strings')
  const info: DTypeInfo = table[type]
  if (
    info.array ? !(data instanceof (info.array as never)) && !compatible(info, data) : !Array.isArray(data)
  ) {
    const expected = info.array ? (info.array as unknown as { name: string }).name : 'an array of strings'
    throw new TvmNodeError(
      'ERR_INVALID_ARGUMENT',
      `a tensor of ${type} needs ${expected}, got ${(data as object | undefined)?.constructor?.name ?? data}`,
      {
        details: { dtype: type },
      },
    )
  }
  const dims = shape ?? [data.length / (info.width ?? 1)]
  if (!dims.every((dim) => Number.isSafeInteger(dim) && dim >= 0) || dataLength(type, dims) !== data.length) {
    throw new TvmNodeError(
      'ERR_INVALID_ARGUMENT',
      `shape [${dims}] of ${type} does not fit ${data.length} elements`,
      {
        details: { shape: dims, dtype: type, length: data.length },
      },
    )
  }
  return { dtype: type, shape: [...dims], data }
}

/** Buffers are Uint8Arrays of another class. */
function compatible(info: DTypeInfo, data: TensorData): boolean {
  return info.array === (Uint8Array as unknown) && data instanceof Uint8Array
}
