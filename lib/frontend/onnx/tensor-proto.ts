import { TvmNodeError } from '../../errors.js'
import {
  type DType,
  dataLength,
  elementCount,
  emptyTensor,
  type Tensor,
  tensorBytes,
  tensorFromBytes,
} from '../../tensor.js'
import { type Long, longToBigInt, longToNumber, present, type TensorProto } from './schema.js'

/** `TensorProto.DataType`, by number. */
const elementTypes: readonly (DType | undefined)[] = [
  undefined,
  'float32',
  'uint8',
  'int8',
  'uint16',
  'int16',
  'int32',
  'int64',
  'string',
  'bool',
  'float16',
  'float64',
  'uint32',
  'uint64',
  'complex64',
  'complex128',
  'bfloat16',
  'float8e4m3fn',
  'float8e4m3fnuz',
  'float8e5m2',
  'float8e5m2fnuz',
  'uint4',
  'int4',
]

/** The element type of that ONNX number; throws `ERR_INVALID_MODEL` for one that ONNX does not define. */
export function elementType(number: number, where: string): DType {
  const dtype = elementTypes[number]
  if (dtype) return dtype
  throw new TvmNodeError(
    'ERR_INVALID_MODEL',
    `${where} has element type ${number}, which ONNX does not define`,
  )
}

/** The ONNX number of an element type. */
export function elementTypeNumber(dtype: DType): number {
  return elementTypes.indexOf(dtype)
}

/** More elements than any machine holds: a product of dimensions beyond it is a damaged or hostile model. */
const MAX_ELEMENTS = 2 ** 40

/** Checks dimensions and returns them; throws `ERR_INVALID_MODEL` for negative ones and for products that overflow. */
export function checkedShape(dims: readonly number[], where: string): number[] {
  if (dims.some((dim) => !Number.isSafeInteger(dim) || dim < 0)) {
    throw new TvmNodeError('ERR_INVALID_MODEL', `${where} has an impossible shape [${dims}]`)
  }
  if (elementCount(dims.filter((dim) => dim !== 0)) > MAX_ELEMENTS) {
    throw new TvmNodeError('ERR_INVALID_MODEL', `${where} has too many elements: [${dims}]`)
  }
  return [...dims]
}

/** `TensorProto.DataLocation`. */
export const EXTERNAL = 1
/** `TensorProto.DataType` of text. */
export const STRING = 8

/** Where a model's external data comes from: the bytes of one entry, or an error. */
export type ReadExternal = (entries: ReadonlyMap<string, string>, tensorName: string) => Uint8Array

/**
 * The tensor of a message; raw data is not copied where it is aligned.
 *
 * @throws `ERR_INVALID_MODEL` when data and shape do not fit, `ERR_EXTERNAL_DATA` for external data that cannot be read.
 */
export function readTensor(proto: TensorProto, readExternal: ReadExternal): Tensor {
  const where = `tensor '${proto.name}'`
  const dtype = elementType(proto.dataType, where)
  const shape = checkedShape(proto.dims.map(longToNumber), where)
  if (dtype === 'string') {
    const data = proto.stringData.map((bytes) => new TextDecoder().decode(bytes))
    if (data.length !== elementCount(shape)) fail(where, data.length, elementCount(shape))
    return { dtype, shape, data }
  }
  if (proto.dataLocation === EXTERNAL) {
    const entries = new Map(proto.externalData.map(({ key, value }) => [key, value]))
    return fromBytes(dtype, shape, readExternal(entries, proto.name), where)
  }
  if (present(proto, 'rawData')) return fromBytes(dtype, shape, proto.rawData, where)
  const values = typedValues(proto, dtype)
  const length = dataLength(dtype, shape)
  if (values.length !== length) fail(where, values.length, length)
  const result = emptyTensor(dtype, shape)
  ;(result.data as { set(values: ArrayLike<unknown>): void }).set(values)
  return result
}

function fromBytes(dtype: DType, shape: number[], bytes: Uint8Array, where: string): Tensor {
  const size = (tensorBytes(emptyTensor(dtype, [2])) as Uint8Array).byteLength / 2
  const expected = Math.ceil(elementCount(shape) * size)
  if (bytes.byteLength !== expected) fail(where, bytes.byteLength, expected, 'bytes')
  return tensorFromBytes(dtype, shape, bytes)
}

function fail(where: string, actual: number, expected: number, unit = 'values'): never {
  throw new TvmNodeError('ERR_INVALID_MODEL', `${where} has ${actual} ${unit}, its shape needs ${expected}`)
}

function typedValues(proto: TensorProto, dtype: DType): ArrayLike<unknown> {
  const signed = (values: readonly Long[]) => values.map(longToBigInt)
  switch (dtype) {
    case 'float32':
    case 'complex64':
      return proto.floatData
    case 'float64':
    case 'complex128':
      return proto.doubleData
    case 'int64':
      return signed(proto.int64Data)
    case 'uint64':
      return signed(proto.uint64Data).map((value) => BigInt.asUintN(64, value))
    case 'uint32':
      return proto.uint64Data.map(longToNumber)
    default:
      return proto.int32Data
  }
}
