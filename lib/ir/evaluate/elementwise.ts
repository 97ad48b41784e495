import { emptyTensor, type Tensor } from '../../tensor.js'
import { broadcastStrides, product } from './strided.js'

type Scalar = number | bigint
type BinaryFunction = (a: never, b: never) => Scalar | boolean

const arithmetic: Record<string, { float: (a: number, b: number) => number; int?: (a: number, b: number) => number; big?: (a: bigint, b: bigint) => bigint }> = {
  add: { float: (a, b) => a + b, big: (a, b) => a + b },
  subtract: { float: (a, b) => a - b, big: (a, b) => a - b },
  multiply: { float: (a, b) => a * b, int: Math.imul, big: (a, b) => a * b },
  divide: { float: (a, b) => a / b, int: (a, b) => Math.trunc(a / b), big: (a, b) => a / b },
  maximum: { float: (a, b) => (a > b ? a : b), big: (a, b) => (a > b ? a : b) },
  minimum: { float: (a, b) => (a < b ? a : b), big: (a, b) => (a < b ? a : b) },
  power: { float: (a, b) => a ** b },
}
const comparison: Record<string, (a: Scalar, b: Scalar) => boolean> = {
  equal: (a, b) => a === b,
  not_equal: (a, b) => a !== b,
  less: (a, b) => a < b,
  less_equal: (a, b) => a <= b,
  greater: (a, b) => a > b,
  greater_equal: (a, b) => a >= b,
}
const unary: Record<string, (x: number) => number> = {
  sqrt: Math.sqrt,
  rsqrt: (x) => 1 / Math.sqrt(x),
  negative: (x) => -x,
  exp: Math.exp,
  log: Math.log,
  abs: Math.abs,
  floor: Math.floor,
  ceil: Math.ceil,
  tanh: Math.tanh,
}

const FLOATS = new Set(['float32', 'float64'])
const SMALL_INTS = new Set(['int8', 'int16', 'int32', 'uint8', 'uint16', 'uint32', 'bool'])
const isBig = (dtype: string) => dtype === 'int64' || dtype === 'uint64'

export const binaryNames = [...Object.keys(arithmetic), ...Object.keys(comparison)]
export const unaryNames = Object.keys(unary)

/**
 * An element-wise operation with broadcasting. Arithmetic in float32 is done in double and rounded once, which agrees with
 * float32 arithmetic for + - * / and sqrt. Undefined where the case is left to the library (for example integer division
 * by zero).
 */
export function binary(name: string, a: Tensor, b: Tensor, shape: readonly number[], dtype: Tensor['dtype']): Tensor | undefined {
  const f = select(name, a, b)
  if (!f) return undefined
  const result = emptyTensor(dtype, shape)
  const out = result.data as unknown as number[]
  const [left, right] = [a.data as unknown as number[], b.data as unknown as number[]]
  const same = a.data.length === out.length && b.data.length === out.length
  if (same) {
    for (let i = 0; i < out.length; i++) out[i] = f(left[i] as never, right[i] as never) as never
    return result
  }
  broadcast(shape, broadcastStrides(a.shape, shape), broadcastStrides(b.shape, shape), (at, i, j) => {
    out[at] = f(left[i] as never, right[j] as never) as never
  })
  return result
}

function select(name: string, a: Tensor, b: Tensor): BinaryFunction | undefined {
  if (a.dtype !== b.dtype) return undefined
  const known = FLOATS.has(a.dtype) || SMALL_INTS.has(a.dtype) || isBig(a.dtype)
  if (!known) return undefined
  const compare = comparison[name]
  if (compare) return compare as BinaryFunction
  const kinds = arithmetic[name]
  if (!kinds) return undefined
  if (FLOATS.has(a.dtype)) return kinds.float as BinaryFunction
  if (name === 'power' || a.dtype === 'bool') return undefined
  if (name === 'divide' && (b.data as unknown as Scalar[]).some((x) => x === 0 || x === 0n)) return undefined
  return (isBig(a.dtype) ? kinds.big : (kinds.int ?? kinds.float)) as BinaryFunction | undefined
}

function broadcast(
  shape: readonly number[],
  a: readonly number[],
  b: readonly number[],
  visit: (at: number, i: number, j: number) => void,
): void {
  const rank = shape.length
  const index = new Array<number>(rank).fill(0)
  let [i, j] = [0, 0]
  const count = product(shape)
  for (let at = 0; at < count; at++) {
    visit(at, i, j)
    for (let axis = rank - 1; axis >= 0; axis--) {
      i += a[axis] as number
      j += b[axis] as number
      if (++(index[axis] as number) < (shape[axis] as number)) break
      i -= (a[axis] as number) * (shape[axis] as number)
      j -= (b[axis] as number) * (shape[axis] as number)
      index[axis] = 0
    }
  }
}

/** An element-wise function of floats; undefined for other types. */
export function unaryOp(name: string, x: Tensor): Tensor | undefined {
  const f = unary[name]
  if (!f || !FLOATS.has(x.dtype)) return undefined
  const result = emptyTensor(x.dtype, x.shape)
  const [to, from] = [result.data as unknown as number[], x.data as unknown as number[]]
  for (let i = 0; i < to.length; i++) to[i] = f(from[i] as number)
  return result
}

/**
 * Converts between element types as C does: floats to integers by truncation, integers by wrapping. Undefined for types
 * that JavaScript has no numbers for, and for floats that no integer of the type can hold.
 */
export function cast(x: Tensor, dtype: Tensor['dtype']): Tensor | undefined {
  const known = (type: string) => FLOATS.has(type) || SMALL_INTS.has(type) || isBig(type)
  if (!known(x.dtype) || !known(dtype)) return undefined
  const result = emptyTensor(dtype, x.shape)
  const [to, from] = [result.data as unknown as Scalar[], x.data as unknown as Scalar[]]
  const toInteger = FLOATS.has(x.dtype) && !FLOATS.has(dtype)
  for (let i = 0; i < from.length; i++) {
    let value = from[i] as Scalar
    if (dtype === 'bool') value = Number(value) === 0 ? 0 : 1
    else if (toInteger) {
      value = Math.trunc(value as number)
      if (!Number.isSafeInteger(value)) return undefined
    }
    to[i] = isBig(dtype) ? BigInt(value) : isBig(x.dtype) && SMALL_INTS.has(dtype) ? Number(BigInt.asIntN(32, value as bigint)) : Number(value)
  }
  return result
}
