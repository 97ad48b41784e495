import { TvmNodeError } from './errors.js'
import {
  type DType,
  dataLength,
  elementCount,
  emptyTensor,
  type Tensor,
  tensorBytes,
  tensorFromBytes,
} from './tensor.js'

/** NumPy's spelling of element types, little endian (numpy.lib.format, versions 1.0 to 3.0). */
const descriptors: Partial<Record<DType, string>> = {
  float16: '<f2',
  float32: '<f4',
  float64: '<f8',
  int8: '|i1',
  int16: '<i2',
  int32: '<i4',
  int64: '<i8',
  uint8: '|u1',
  uint16: '<u2',
  uint32: '<u4',
  uint64: '<u8',
  bool: '|b1',
  complex64: '<c8',
  complex128: '<c16',
}
const dtypeOf = new Map(Object.entries(descriptors).map(([dtype, text]) => [text.slice(1), dtype as DType]))
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]

/** Reads a `.npy` file; `name` is for messages. Throws `ERR_NPZ`. */
export function decodeNpy(bytes: Uint8Array, name: string): Tensor {
  const fail = (why: string): never => {
    throw new TvmNodeError('ERR_NPZ', `entry '${name}' ${why}`, { details: { name } })
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 12 || !MAGIC.every((byte, i) => bytes[i] === byte)) return fail('is not a NumPy array')
  const start = bytes[6] === 1 ? 10 : 12
  const end = start + (bytes[6] === 1 ? view.getUint16(8, true) : view.getUint32(8, true))
  if (end > bytes.length) return fail('is cut short')
  const header = new TextDecoder().decode(bytes.subarray(start, end))
  const [, descr = ''] = /'descr':\s*'([^']*)'/.exec(header) ?? []
  const [, dims] = /'shape':\s*\(([^)]*)\)/.exec(header) ?? []
  if (dims === undefined) return fail('has a malformed header')
  const shape = dims
    .split(',')
    .map((dim) => dim.trim())
    .filter(Boolean)
    .map(Number)
  if (!shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) return fail(`has a bad shape (${dims})`)
  const content = new Uint8Array(bytes.subarray(end))
  const order = /'fortran_order':\s*True/.test(header) ? 'F' : 'C'

  const text = /^([<>|])U(\d+)$/.exec(descr)
  if (text) return decodeText(content, shape, Number(text[2]), text[1] !== '>', order) ?? fail('is cut short')
  const dtype = dtypeOf.get(descr.slice(1))
  if (!dtype) return fail(`has element type '${descr}', which tensors have not`)
  const item = dataBytes(dtype, [1])
  if (content.length !== elementCount(shape) * item)
    return fail('does not have as many bytes as its shape needs')
  if (descr.startsWith('>')) swapBytes(content, dtype.startsWith('complex') ? item / 2 : item)
  const stored = tensorFromBytes(dtype, shape, content)
  return order === 'C' ? stored : fromFortran(stored)
}

/** The bytes of a `.npy` file (version 1.0). */
export function encodeNpy(value: Tensor): Uint8Array {
  const { dtype, shape } = value
  const content = tensorBytes(value) ?? encodeText(value.data as string[])
  const width = dtype === 'string' ? content.length / 4 / Math.max(value.data.length, 1) : 0
  const descr = descriptors[dtype] ?? `<U${Math.max(width, 1)}`
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${dims}), }`
  const header = `${dict.padEnd(Math.ceil((dict.length + 11) / 64) * 64 - 11)}\n`
  const result = new Uint8Array(10 + header.length + content.length)
  result.set([...MAGIC, 1, 0, header.length & 255, header.length >> 8])
  result.set(new TextEncoder().encode(header), 10)
  result.set(content, 10 + header.length)
  return result
}

function dataBytes(dtype: DType, shape: readonly number[]): number {
  return (tensorBytes(emptyTensor(dtype, shape)) as Uint8Array).byteLength
}

/** NumPy text is UTF-32, each element padded with zeros to the longest. */
function encodeText(strings: readonly string[]): Uint8Array {
  const points = strings.map((text) => Array.from(text, (character) => character.codePointAt(0) as number))
  const width = Math.max(1, ...points.map(({ length }) => length))
  const units = new Uint32Array(strings.length * width)
  for (const [i, point] of points.entries()) units.set(point, i * width)
  return new Uint8Array(units.buffer)
}

function decodeText(
  bytes: Uint8Array,
  shape: number[],
  width: number,
  little: boolean,
  order: 'C' | 'F',
): Tensor | undefined {
  const count = dataLength('string', shape)
  if (bytes.length !== count * width * 4) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const data = Array.from({ length: count }, (_, i) => {
    let text = ''
    for (let k = 0; k < width; k++) {
      const point = view.getUint32((i * width + k) * 4, little)
      if (point !== 0) text += point <= 0x10ffff ? String.fromCodePoint(point) : '\ufffd'
    }
    return text
  })
  const stored: Tensor = { dtype: 'string', shape, data }
  return order === 'C' ? stored : fromFortran(stored)
}

function swapBytes(bytes: Uint8Array, item: number): void {
  for (let i = 0; i < bytes.length; i += item) bytes.subarray(i, i + item).reverse()
}

function fromFortran({ dtype, shape, data }: Tensor): Tensor {
  const result = emptyTensor(dtype, shape)
  const width = data.length / Math.max(elementCount(shape), 1)
  const [to, from] = [result.data as unknown[], data as unknown[]]
  const index = new Array<number>(shape.length).fill(0)
  const steps = shape.map((_, axis) => elementCount(shape.slice(0, axis)))
  for (let at = 0; at < elementCount(shape); at++) {
    const source = index.reduce((sum, i, axis) => sum + i * (steps[axis] as number), 0)
    for (let k = 0; k < width; k++) to[at * width + k] = from[source * width + k]
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++(index[axis] as number) < (shape[axis] as number)) break
      index[axis] = 0
    }
  }
  return result
}
