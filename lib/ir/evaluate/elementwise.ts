import { type BinaryKernel, type KernelType, native, type UnaryKernel } from '../../native.js'
import { emptyTensor, type Tensor } from '../../tensor.js'
import { isHalf, narrow, widen } from './half.js'
import { broadcastStrides, memory } from './strided.js'

export const binaryNames: readonly BinaryKernel[] = [
  ...(['add', 'subtract', 'multiply', 'divide', 'maximum', 'minimum', 'power'] as const),
  ...(['equal', 'not_equal', 'less', 'less_equal', 'greater', 'greater_equal'] as const),
]
export const unaryNames: readonly UnaryKernel[] = [
  ...(['negative', 'abs', 'sqrt', 'rsqrt', 'exp', 'log', 'floor', 'ceil', 'round', 'trunc'] as const),
  ...(['tanh', 'sigmoid', 'erf', 'sin', 'cos'] as const),
]

const FLOATS: ReadonlySet<string> = new Set(['float32', 'float64'])
const INTEGERS: ReadonlySet<string> = new Set([
  'int8',
  'int16',
  'int32',
  'int64',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
])
const COMPARISONS: ReadonlySet<string> = new Set([
  'equal',
  'not_equal',
  'less',
  'less_equal',
  'greater',
  'greater_equal',
])
const isKernelType = (dtype: string): dtype is KernelType =>
  FLOATS.has(dtype) || INTEGERS.has(dtype) || dtype === 'bool'

/**
 * An element-wise operation with broadcasting. Undefined where the case is left to the library: other element types,
 * arithmetic on bool, powers of integers, division of integers by zero.
 */
export function binary(
  name: BinaryKernel,
  a: Tensor,
  b: Tensor,
  shape: readonly number[],
  dtype: Tensor['dtype'],
): Tensor | undefined {
  if (isHalf(a.dtype)) {
    const computed = binary(name, widen(a), widen(b), shape, isHalf(dtype) ? 'float32' : dtype)
    return computed && narrow(computed, dtype)
  }
  if (a.dtype !== b.dtype || !isKernelType(a.dtype)) return undefined
  if (!COMPARISONS.has(name) && !FLOATS.has(a.dtype)) {
    if (a.dtype === 'bool' || name === 'power') return undefined
    if (name === 'divide' && (b.data as ArrayLike<unknown> as unknown[]).some((x) => Number(x) === 0))
      return undefined
  }
  const result = emptyTensor(dtype, shape)
  const [left, right] = [broadcastStrides(a.shape, shape), broadcastStrides(b.shape, shape)]
  native.binary(name, a.dtype, memory(result), memory(a), left, memory(b), right, shape)
  return result
}

/** An element-wise function of floats; undefined for other types. */
export function unaryOp(name: UnaryKernel, x: Tensor): Tensor | undefined {
  if (isHalf(x.dtype)) return narrow(unaryOp(name, widen(x)) as Tensor, x.dtype)
  if (!FLOATS.has(x.dtype)) return undefined
  const result = emptyTensor(x.dtype, x.shape)
  native.unary(name, x.dtype as KernelType, memory(result), memory(x))
  return result
}

/**
 * Converts between element types as C does: floats to integers by truncation (saturating where C leaves it open), integers
 * by wrapping. Undefined for element types that the kernels do not know.
 */
export function cast(x: Tensor, dtype: Tensor['dtype']): Tensor | undefined {
  if (isHalf(x.dtype)) return cast(widen(x), dtype)
  if (isHalf(dtype)) return narrow(cast(x, 'float32') as Tensor, dtype)
  if (!isKernelType(x.dtype) || !isKernelType(dtype)) return undefined
  const result = emptyTensor(dtype, x.shape)
  native.castElements(memory(result), dtype, memory(x), x.dtype)
  return result
}
