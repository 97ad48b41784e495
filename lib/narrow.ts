import { type DType, elementCount, type Tensor } from './tensor.js'

/**
 * Element types of fewer bits than the library computes with: 4-bit integers, packed two a byte with the first in the low half,
 * and the 8-bit floats of "FP8 Formats for Deep Learning" (Micikevicius et al., 2022) and of "8-bit Numerical Formats for Deep
 * Neural Networks" (Noune et al., 2022; those named fnuz: no infinities, one zero).
 */
export type NarrowType = 'int4' | 'uint4' | Float8Type
export type Float8Type = keyof typeof float8Formats

export interface Float8Format {
  readonly mantissaBits: number
  readonly bias: number
  /** Bits of the largest finite number. */
  readonly largest: number
  readonly nan: number
  /** Bits of infinity, where there is one. */
  readonly infinity?: number
  /** Whether the code of minus zero stands for what is not a number. */
  readonly oneZero: boolean
}

export const float8Formats = {
  float8e4m3fn: { mantissaBits: 3, bias: 7, largest: 0x7e, nan: 0x7f, oneZero: false },
  float8e4m3fnuz: { mantissaBits: 3, bias: 8, largest: 0x7f, nan: 0x80, oneZero: true },
  float8e5m2: { mantissaBits: 2, bias: 15, largest: 0x7b, nan: 0x7f, infinity: 0x7c, oneZero: false },
  float8e5m2fnuz: { mantissaBits: 2, bias: 16, largest: 0x7f, nan: 0x80, oneZero: true },
} as const satisfies Partial<Record<DType, Float8Format>>

export function isFloat8(dtype: DType): dtype is Float8Type {
  return dtype in float8Formats
}

export function isNarrow(dtype: DType): dtype is NarrowType {
  return dtype === 'int4' || dtype === 'uint4' || isFloat8(dtype)
}

/** The numbers that the 256 codes of an 8-bit float stand for. */
export function float8Values(dtype: Float8Type): readonly number[] {
  return Array.from({ length: 256 }, (_, code) => float8Value(code, float8Formats[dtype]))
}

function float8Value(code: number, format: Float8Format): number {
  const sign = code & 0x80 ? -1 : 1
  const magnitude = code & 0x7f
  if (format.oneZero && code === format.nan) return Number.NaN
  if (magnitude === format.infinity) return sign * Number.POSITIVE_INFINITY
  if (!format.oneZero && magnitude > format.largest) return Number.NaN
  const exponent = magnitude >> format.mantissaBits
  const mantissa = (magnitude & ((1 << format.mantissaBits) - 1)) / (1 << format.mantissaBits)
  return exponent === 0
    ? sign * mantissa * 2 ** (1 - format.bias)
    : sign * (1 + mantissa) * 2 ** (exponent - format.bias)
}

/** The numbers of a tensor of a narrow type. */
export function narrowNumbers({ dtype, shape, data }: Tensor): Float32Array {
  if (isFloat8(dtype)) {
    const values = float8Values(dtype)
    return Float32Array.from(data as Uint8Array, (code) => values[code] as number)
  }
  return Float32Array.from(unpackNibbles({ dtype, shape, data }).data as Int8Array)
}

/** 4-bit integers one a byte, as int8 or uint8. */
export function unpackNibbles({ dtype, shape, data }: Tensor): Tensor {
  const bytes = data as Uint8Array
  const count = elementCount(shape)
  const nibble = (i: number) => ((bytes[i >> 1] as number) >> (4 * (i & 1))) & 0xf
  if (dtype === 'uint4')
    return { dtype: 'uint8', shape, data: Uint8Array.from({ length: count }, (_, i) => nibble(i)) }
  return { dtype: 'int8', shape, data: Int8Array.from({ length: count }, (_, i) => (nibble(i) ^ 8) - 8) }
}
