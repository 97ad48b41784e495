// Protocol Buffers' wire format, as much of it as an ONNX file needs.
const VARINT = 0
const BYTES = 2

function varint(value) {
  const bytes = []
  let rest = BigInt.asUintN(64, BigInt(value))
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0))
    rest >>= 7n
  } while (rest > 0n)
  return Buffer.from(bytes)
}

export const int = (field, value) => Buffer.concat([varint((field << 3) | VARINT), varint(value)])

export function bytes(field, value) {
  const data = ArrayBuffer.isView(value)
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    : Buffer.from(value)
  return Buffer.concat([varint((field << 3) | BYTES), varint(data.length), data])
}

/** A message within a message. */
export const message = (field, ...parts) => bytes(field, Buffer.concat(parts))
