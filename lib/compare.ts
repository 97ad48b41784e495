import { decodeBfloat16, decodeFloat16 } from './float16.js'
import { isNarrow, narrowNumbers } from './narrow.js'
import type { Tensor } from './tensor.js'

export interface Tolerance {
  /** Share of the expected value's size by which a result may differ. */
  readonly relative: number
  /** What it may differ by besides. */
  readonly absolute: number
}

export interface Comparison {
  readonly maxAbsError: number
  /** The first element that differs by more than is allowed; undefined when all are close enough. */
  readonly mismatch: string | undefined
}

/**
 * Compares a result with what is expected, element by element: `|actual - expected| <= absolute + relative * |expected|`.
 * Infinities must agree in sign; what is not a number is expected as such. Element types and shapes must be the same.
 */
export function compareTensors(
  actual: Tensor,
  expected: Tensor,
  { relative, absolute }: Tolerance,
): Comparison {
  const different = (mismatch: string): Comparison => ({ maxAbsError: Number.NaN, mismatch })
  if (actual.dtype !== expected.dtype) return different(`is ${actual.dtype} instead of ${expected.dtype}`)
  if (`${actual.shape}` !== `${expected.shape}`) {
    return different(`has shape [${actual.shape}] instead of [${expected.shape}]`)
  }
  const got = elementsOf(actual)
  const wanted = elementsOf(expected)
  let maxAbsError = 0
  let mismatch: string | undefined
  for (let i = 0; i < wanted.length; i++) {
    const [a, b] = [got[i], wanted[i]]
    const error = distance(a, b)
    if (error > maxAbsError || Number.isNaN(error)) maxAbsError = Math.max(maxAbsError, error)
    const allowed = typeof b === 'number' ? absolute + relative * Math.abs(b) : absolute
    if (!mismatch && !(error <= (Number.isFinite(allowed) ? allowed : 0))) {
      mismatch = `element ${i} is ${String(a)} instead of ${String(b)}`
    }
  }
  return { maxAbsError, mismatch }
}

/** Standard deviation of the finite elements; 0 for types other than floats. */
export function standardDeviation(tensor: Tensor): number {
  if (!/^b?float/.test(tensor.dtype)) return 0
  const values = Array.from(elementsOf(tensor) as ArrayLike<number>).filter(Number.isFinite)
  const count = Math.max(values.length, 1)
  const mean = values.reduce((sum, value) => sum + value, 0) / count
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count)
}

type Element = number | bigint | string | undefined

/** The elements as values that can be compared: floats held as bits and packed integers decoded. */
export function elementsOf(tensor: Tensor): ArrayLike<Element> {
  const { dtype, data } = tensor
  if (isNarrow(dtype)) return narrowNumbers(tensor)
  if (dtype === 'float16') return decodeFloat16(data as Uint16Array)
  if (dtype === 'bfloat16') return decodeBfloat16(data as Uint16Array)
  return data as ArrayLike<Element>
}

function distance(a: Element, b: Element): number {
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return 0
  if (typeof a === 'number' && typeof b === 'number') return Math.abs(a - b)
  if (typeof a === 'bigint' && typeof b === 'bigint') return Math.abs(Number(a - b))
  return Number.POSITIVE_INFINITY
}
