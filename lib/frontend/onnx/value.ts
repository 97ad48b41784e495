import { decodeBfloat16, decodeFloat16, encodeBfloat16, encodeFloat16 } from '../../float16.js'
import { currentTrace } from '../../ir/constant-trace.js'
import { type Constant, constant, dtypeOf, type Expr, shapeOf } from '../../ir/relay.js'
import { type DType, elementCount, emptyTensor, type Tensor } from '../../tensor.js'

/**
 * What an ONNX name stands for while a graph is imported: a Relay expression with its type, or a constant, whose expression
 * is only made when an operator needs it.
 */
export class Value {
  #expr: Expr | undefined
  #tensor: Tensor | undefined
  #shape: readonly number[] | undefined
  #dtype: DType | undefined
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
    return value
  }
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

  get expr(): Expr {
    this.#expr ??= constant(this.#tensor as Tensor)
    return this.#expr
  }
  /** Extents, `-1` where not known. */
  get shape(): readonly number[] {
    this.#shape ??= shapeOf(this.expr)
    return this.#shape
  }
  get rank(): number {
    return this.shape.length
  }
  get dtype(): DType {
    this.#dtype ??= dtypeOf(this.expr) as DType
    return this.#dtype
  }
  /** The value of a constant; undefined for anything else. */
  get tensor(): Tensor | undefined {
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

/** Whether the library has arithmetic for elements of this type. */
export function computable(dtype: DType): boolean {
  return /^(float(16|32|64)|bfloat16|u?int(8|16|32|64)|bool)$/.test(dtype)
}

const floats: readonly string[] = ['float32', 'float64', 'float16', 'bfloat16']

export function isFloat({ dtype }: Value): boolean {
  return floats.includes(dtype)
}

/** Elements as numbers; 64-bit integers beyond 2**53 are rounded. */
export function tensorNumbers({ dtype, data }: Tensor): number[] {
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

/** A constant whose elements are all equal to the one of `element`. */
export function filled({ dtype, data }: Tensor, shape: readonly number[]): Value {
  const result = emptyTensor(dtype, shape)
  if (elementCount(shape) > 0) (result.data as unknown[]).fill((data as unknown[])[0])
  return Value.constant(result)
}
