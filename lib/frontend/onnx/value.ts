import { TvmNodeError } from '../../errors.js'
import { decodeBfloat16, decodeFloat16, encodeBfloat16, encodeFloat16 } from '../../float16.js'
import { currentTrace } from '../../ir/constant-trace.js'
import { type Constant, constant, dtypeOf, type Expr, shapeOf } from '../../ir/relay.js'
import { UNKNOWN_DIM } from '../../ir/type.js'
import { isFloat8, isNarrow, narrowNumbers, unpackNibbles } from '../../narrow.js'
import { type DType, elementCount, emptyTensor, type Tensor } from '../../tensor.js'

/** Somebody asked for extents that only a run knows. */
export class OpenShape extends Error {
  constructor(why = 'it needs extents that only a run knows') {
    super(why)
  }
}

/**
 * What an ONNX name stands for while a graph is imported: a Relay expression with its type, or a constant, whose expression
 * is only made when an operator needs it.
 */
export class Value {
  #expr: Expr | undefined
  #tensor: Tensor | undefined
  #shape: readonly number[] | undefined
  #dtype: DType | undefined
  #extents: readonly number[] | undefined
  #stored: Value | undefined
  #items: readonly Value[] | undefined
  /** Whether the value is known at compile time. */
  readonly isConstant: boolean

  private constructor(isConstant: boolean) {
    this.isConstant = isConstant
  }
  static constant(tensor: Tensor): Value {
    const value = new Value(true)
    value.#tensor = tensor
    value.#shape = tensor.shape
    value.#dtype = tensor.dtype
    if (isNarrow(tensor.dtype)) value.#stored = Value.constant(storedTensor(tensor))
    return value
  }
  /** A value of a narrow type, whose elements `stored` holds one a byte: the codes of floats, the numbers of integers. */
  static narrow(stored: Value, dtype: DType): Value {
    const value = new Value(stored.isConstant)
    value.#stored = stored
    value.#shape = stored.shape
    value.#dtype = dtype
    return value
  }
  static sequence(items: readonly Value[]): Value {
    const value = new Value(false)
    value.#items = items
    return value
  }
  /** An optional that is empty. One with a value is that value. */
  static readonly none = new Value(false)
  /** What a node that cannot be imported would have yielded, while a model is only surveyed. */
  static readonly unknown = new Value(false)

  static folded(expr: Constant): Value {
    const value = new Value(true)
    value.#expr = expr
    const { data } = expr
    value.#shape = data.shape
    value.#dtype = data.dtype as DType
    return value
  }
  static computed(expr: Expr): Value {
    const value = new Value(false)
    value.#expr = expr
    return value
  }

  /** For a value of a narrow type: what holds its elements. */
  get stored(): Value | undefined {
    return this.#stored
  }
  /** The elements of a sequence; undefined for anything else. */
  get items(): readonly Value[] | undefined {
    return this.#items
  }
  get isTensor(): boolean {
    return this !== Value.none && !this.#items
  }
  /** Not for values of narrow types, with which nothing can be computed as they are. */
  get expr(): Expr {
    if (this.#stored) {
      throw new TvmNodeError('ERR_INVALID_ARGUMENT', `values of ${this.#dtype} are not supported here`)
    }
    this.#expr ??= constant(this.#tensor as Tensor)
    return this.#expr
  }
  /** Extents, `-1` where only a run knows. */
  get dims(): readonly number[] {
    this.#shape ??= shapeOf(this.expr)
    return this.#shape
  }
  /** Extents where all of them are known; for others it throws `OpenShape`, so that nobody calculates with -1. */
  get shape(): readonly number[] {
    if (this.dims.includes(UNKNOWN_DIM)) throw new OpenShape()
    return this.dims
  }
  get rank(): number {
    return this.dims.length
  }
  get isOpen(): boolean {
    return this.dims.includes(UNKNOWN_DIM)
  }
  /** Elements of a row of extents as far as they are known, `-1` for others, which are not negative; undefined for any other value. */
  get extents(): readonly number[] | undefined {
    if (this.#extents) return this.#extents
    const row = this.isConstant && this.dims.length <= 1 && /^int(32|64)$/.test(this.dtype)
    return row ? this.numbers : undefined
  }
  /** A value, not constant, whose elements are extents. */
  withExtents(extents: readonly number[]): Value {
    const value = Value.computed(this.expr)
    value.#extents = extents
    return value
  }
  get dtype(): DType {
    this.#dtype ??= dtypeOf(this.expr) as DType
    return this.#dtype
  }
  /** The value of a constant; undefined for anything else. */
  get tensor(): Tensor | undefined {
    if (this.#stored && !this.#tensor) return undefined
    if (this.isConstant) this.#tensor ??= (this.#expr as Constant).data.toTensor()
    if (this.#tensor) currentTrace()?.readMemory(this.#tensor)
    return this.#tensor
  }
  /** A constant over the same memory with other extents; undefined where its value has no tensor yet. */
  reshaped(shape: readonly number[]): Value | undefined {
    return this.#tensor && Value.constant({ ...this.#tensor, shape })
  }
  /** The elements of a constant as numbers; undefined for anything else. */
  get numbers(): number[] | undefined {
    const { tensor } = this
    return tensor && tensorNumbers(tensor)
  }
}

/** One byte an element: uint8 for floats, int8 or uint8 for integers. */
function storedTensor(tensor: Tensor): Tensor {
  return isFloat8(tensor.dtype) ? { ...tensor, dtype: 'uint8' } : unpackNibbles(tensor)
}

/** Whether the library has arithmetic for elements of this type. */
export function computable(dtype: DType): boolean {
  return /^(float(16|32|64)|bfloat16|u?int(8|16|32|64)|bool)$/.test(dtype)
}

const floats: readonly string[] = ['float32', 'float64', 'float16', 'bfloat16']

export function isFloat({ dtype }: Value): boolean {
  return floats.includes(dtype)
}

/** Elements as numbers; 64-bit integers beyond 2**53 are rounded. */
export function tensorNumbers(tensor: Tensor): number[] {
  const { dtype, data } = tensor
  if (isNarrow(dtype)) return Array.from(narrowNumbers(tensor))
  if (dtype === 'float16') return Array.from(decodeFloat16(data as Uint16Array))
  if (dtype === 'bfloat16') return Array.from(decodeBfloat16(data as Uint16Array))
  return Array.from(data as Iterable<number | bigint>, Number)
}

/** A constant of these numbers, converted to `dtype`. Default shape: one dimension. */
export function numbers(
  values: readonly number[],
  dtype: DType,
  shape: readonly number[] = [values.length],
): Value {
  if (dtype === 'float16') return Value.constant({ dtype, shape, data: encodeFloat16(values) })
  if (dtype === 'bfloat16') return Value.constant({ dtype, shape, data: encodeBfloat16(values) })
  const result = emptyTensor(dtype, shape)
  const { data } = result
  if (data instanceof BigInt64Array || data instanceof BigUint64Array)
    data.set(values.map((value) => BigInt(Math.trunc(value))))
  else (data as Float64Array).set(values)
  return Value.constant(result)
}

/** A scalar constant. */
export function scalar(value: number, dtype: DType): Value {
  return numbers([value], dtype, [])
}

/** More than that is a damaged or hostile model rather than a constant. */
const MOST_FILLED = 2 ** 28

/** A constant whose elements are all equal to the one of `element`. @throws `RangeError` for too many of them */
export function filled({ dtype, data }: Tensor, shape: readonly number[]): Value {
  if (elementCount(shape) > MOST_FILLED) throw new RangeError(`${elementCount(shape)} equal elements`)
  const result = emptyTensor(dtype, shape)
  if (elementCount(shape) > 0) (result.data as unknown[]).fill((data as unknown[])[0])
  return Value.constant(result)
}
