import { type NDArray, parseDataType } from '../runtime/index.js'
import { tensorBytes } from '../tensor.js'

const LIST = 0xf7e58d4f05049cb7n
const ARRAY = 0xdd5e40f096b4a13fn
const CPU = 1

/**
 * The library's form of named arrays (TVM v0.18, src/runtime/file_utils.cc and include/tvm/runtime/ndarray.h), as pieces,
 * sorted by name. The library's own writer takes them in an order that depends on where they lie in memory, and holds all of
 * them twice more.
 */
export function parameterPieces(params: ReadonlyMap<string, NDArray>): Uint8Array[] {
  const sorted = [...params].sort(([a], [b]) => (a < b ? -1 : 1))
  const pieces: Uint8Array[] = [words(LIST, 0n, BigInt(sorted.length))]
  for (const [name] of sorted) {
    const text = Buffer.from(name)
    pieces.push(words(BigInt(text.length)), text)
  }
  pieces.push(words(BigInt(sorted.length)))
  for (const [, array] of sorted) {
    const data = tensorBytes(array.toTensor()) as Uint8Array
    pieces.push(header(array), words(BigInt(data.byteLength)), data)
  }
  return pieces
}

function header({ shape, dtype }: NDArray): Uint8Array {
  const { code, bits, lanes } = parseDataType(dtype)
  const rest = Buffer.alloc(16)
  rest.writeInt32LE(CPU, 0)
  rest.writeInt32LE(0, 4)
  rest.writeInt32LE(shape.length, 8)
  rest.writeUInt8(code, 12)
  rest.writeUInt8(bits, 13)
  rest.writeUInt16LE(lanes, 14)
  return Buffer.concat([words(ARRAY, 0n), rest, words(...shape.map(BigInt))])
}

/** 64-bit little-endian numbers. */
function words(...values: bigint[]): Uint8Array {
  const bytes = Buffer.alloc(8 * values.length)
  for (const [i, value] of values.entries()) bytes.writeBigUInt64LE(BigInt.asUintN(64, value), 8 * i)
  return bytes
}
