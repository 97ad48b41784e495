import { compute, reduceAxis, sum, type Tensor } from '../../ir/te.js'
import { cast, constant, type ExprLike, eq, ifThenElse, PrimExpr } from '../../ir/tir.js'
import { extent } from '../../ir/type.js'
import { getGlobalFunc, type TvmArray, type TvmValue } from '../../runtime/index.js'
import { type Attrs, registerOpAttr, registerOpValue } from '../strategy.js'

/** The extents of one tensor. */
export type Extents = readonly ExprLike[]

/** What a shape function knows: extents of inputs, and the elements of those whose values shapes depend on. */
export interface ShapeContext {
  readonly attrs: Attrs
  /** Of each input; empty for those that are given by value. */
  readonly shapes: readonly Extents[]
  /** The inputs as they come: values where they are asked for, else a row of extents. */
  readonly tensors: readonly Tensor[]
  /** Number of dimensions of each output. */
  readonly ranks: readonly number[]
}

/** The extents of each output. */
export type ShapeRule = (context: ShapeContext) => readonly Extents[]

const INDEX = 'int64'

const registered = new Set<string>()

/** Whether the extents of an operator's results can be found while a network runs. */
export function hasShape(op: string): boolean {
  return registered.has(op)
}

/** An extent as the library counts them. */
export const index = (value: ExprLike): PrimExpr =>
  value instanceof PrimExpr ? cast(value, INDEX) : constant(value, INDEX)

/**
 * Registers how the extents of an operator's results follow from those of its inputs while a network runs (TVM v0.18,
 * src/relay/backend/te_compiler_cache.cc, MakeShapeFunc).
 *
 * @param byValue - Positions of inputs whose values are needed instead of their extents.
 */
export function registerShape(op: string, rule: ShapeRule, byValue: readonly number[] = []): void {
  registered.add(op)
  const dependent =
    byValue.length === 0
      ? [0]
      : Array.from({ length: Math.max(...byValue) + 1 }, (_, i) => (byValue.includes(i) ? 1 : 0))
  registerOpValue(op, 'TShapeDataDependent', dependent)
  registerOpAttr(op, 'FShapeFunc', ((
    attrs: Attrs,
    inputs: TvmArray<Tensor>,
    outRanks: TvmArray<TvmValue>,
  ) => {
    const tensors = inputs.toArray()
    const shapes = tensors.map((tensor, i) => (byValue.includes(i) ? [] : extentsIn(tensor)))
    const ranks = outRanks.toArray().map(extent)
    return rule({ attrs, shapes, tensors, ranks }).map(asTensor)
  }) as never)
}

/** The elements of a row of numbers. */
export function extentsIn(tensor: Tensor): PrimExpr[] {
  const [length = 0] = tensor.shape
  return Array.from({ length }, (_, i) => tensor.at(i))
}

/** Extents as the tensor that a shape function yields. */
function asTensor(extents: Extents): Tensor {
  const values = extents.map(index)
  const [first, ...rest] = values
  if (!first) return compute([], () => constant(0, INDEX), { name: 'shape_func' })
  // The library inlines what sums nothing, at each of its uses: along a chain of broadcasts expressions would grow with a power of its length.
  const once = reduceAxis(1, 'once')
  return compute(
    [values.length],
    (i) => {
      const chosen = rest.reduce(
        (others, value, at) => ifThenElse(eq(i as PrimExpr, at + 1), value, others),
        first,
      )
      return sum(chosen, [once])
    },
    { name: 'shape_func' },
  )
}

/** The product of extents. */
export function productOf(extents: Extents): PrimExpr {
  return extents.reduce<PrimExpr>(
    (total, each) => getGlobalFunc('tir._OpMul')(total, index(each), null) as PrimExpr,
    constant(1, INDEX),
  )
}
