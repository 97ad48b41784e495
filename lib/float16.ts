/** Conversions between float32 and the 16-bit floats that a tensor holds as bits. */

const scratch = new Float32Array(1)
const scratchBits = new Uint32Array(scratch.buffer)

/** The value of an IEEE 754 binary16 number given as bits. */
export function float16Value(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const mantissa = bits & 0x3ff
  if (exponent === 0) return sign * mantissa * 2 ** -24
  if (exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15)
}

/** The bits of the binary16 number nearest to `value`, ties to even. */
export function float16Bits(value: number): number {
  scratch[0] = value
  const bits = scratchBits[0] as number
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00
  // 65520 is the midpoint between the largest finite number and the next power of two.
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  if (magnitude < 0x38800000) return sign | roundToEven(Math.abs(scratch[0] as number) * 2 ** 24)
  const rounded = magnitude + 0xfff + ((magnitude >> 13) & 1)
  return sign | ((rounded - 0x38000000) >> 13)
}

function roundToEven(value: number): number {
  const floor = Math.floor(value)
  const rest = value - floor
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor
}

/** The value of a bfloat16 number given as bits. */
export function bfloat16Value(bits: number): number {
  scratchBits[0] = bits << 16
  return scratch[0] as number
}

/** The bits of the bfloat16 number nearest to `value`, ties to even. */
export function bfloat16Bits(value: number): number {
  scratch[0] = value
  const bits = scratchBits[0] as number
  if ((bits & 0x7fffffff) > 0x7f800000) return ((bits >>> 16) & 0x8000) | 0x7fc0
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff
}

export function decodeFloat16(bits: Uint16Array): Float32Array {
  return Float32Array.from(bits, float16Value)
}

export function encodeFloat16(values: ArrayLike<number>): Uint16Array {
  return Uint16Array.from(values, float16Bits)
}

export function decodeBfloat16(bits: Uint16Array): Float32Array {
  return Float32Array.from(bits, bfloat16Value)
}

export function encodeBfloat16(values: ArrayLike<number>): Uint16Array {
  return Uint16Array.from(values, bfloat16Bits)
}
