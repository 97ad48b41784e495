import { Constant, call, constant, type Expr, shapeOf } from '../../ir/relay.js'
import { NDArray } from '../../runtime/index.js'
import type { DType, Tensor } from '../../tensor.js'

/** A scale or a zero point: a scalar, or a vector of one number a channel. */
export interface Parameter {
  readonly expr: Expr
  /** The numbers, where they are known at compile time: one, or one a channel. */
  readonly values: readonly number[] | undefined
  /** Whether one number serves all channels. */
  readonly isScalar: boolean
}

/** Reads a scale or zero point. Vectors of equal numbers, which exporters write for each channel, become scalars. */
export function parameter(expr: Expr): Parameter {
  if (!(expr instanceof Constant)) {
    const [length, ...rest] = shapeOf(expr)
    const isScalar = length === undefined || (length === 1 && rest.length === 0)
    return {
      expr: length === 1 ? call('reshape', [expr], { newshape: [] }) : expr,
      values: undefined,
      isScalar,
    }
  }
  const { data, dtype } = expr.data.toTensor()
  return known(Array.from(data as ArrayLike<number>), dtype)
}

/** A parameter of known numbers. */
export function known(values: readonly number[], dtype: DType): Parameter {
  const [first = 0] = values
  if (values.every((value) => value === first)) {
    return { expr: constant(first, dtype), values: [first], isScalar: true }
  }
  return { expr: vector(values, dtype), values, isScalar: false }
}

/** The number that serves all channels; undefined where there are several or it is not known. */
export function onlyValue({ values }: Parameter): number | undefined {
  return values?.length === 1 ? values[0] : undefined
}

export function equalParameters(a: Parameter, b: Parameter): boolean {
  if (a.values === undefined || b.values === undefined) return a.expr.sameAs(b.expr)
  return a.values.length === b.values.length && a.values.every((value, i) => value === b.values?.[i])
}

/** Combines known numbers one by one; the result has one number only where both have. */
export function combine(
  a: readonly number[],
  b: readonly number[],
  f: (x: number, y: number) => number,
): number[] {
  const length = Math.max(a.length, b.length)
  const at = (list: readonly number[], i: number) => list[list.length === 1 ? 0 : i] as number
  return Array.from({ length }, (_, i) => f(at(a, i), at(b, i)))
}

/** A constant of one dimension. */
export function vector(
  values: readonly number[],
  dtype: DType,
  shape: readonly number[] = [values.length],
): Constant {
  const data = dtype === 'float32' ? Float32Array.from(values) : Int32Array.from(values)
  const wide: Tensor = { dtype: dtype === 'float32' ? 'float32' : 'int32', shape, data }
  return constant(NDArray.from(wide))
}

/** Lays out a vector along `axis` of a tensor of `rank` axes. */
export function along(expr: Expr, axis: number, rank: number): Expr {
  const [length] = shapeOf(expr)
  if (length === undefined) return expr
  const shape = [length, ...new Array<number>(rank - axis - 1).fill(1)]
  if (shape.length === 1) return expr
  if (expr instanceof Constant) return constant(NDArray.from({ ...expr.data.toTensor(), shape }))
  return call('reshape', [expr], { newshape: shape })
}
