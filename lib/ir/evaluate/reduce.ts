import type { TvmObject } from '../../runtime/index.js'
import { emptyTensor, type Tensor } from '../../tensor.js'
import { normalize, optionalInts } from './attributes.js'
import type { Evaluator } from './evaluator.js'
import { compactStrides, copyView, memory, product } from './strided.js'

type Fold = (a: number, b: number) => number

/** Written once for numbers and for integers held as bigint, which are both meant by `number` here. */
const folds: Readonly<Record<string, Fold>> = {
  sum: (a, b) => a + b,
  prod: (a, b) => a * b,
  max: (a, b) => (b > a || Number.isNaN(b) ? b : a),
  min: (a, b) => (b < a || Number.isNaN(b) ? b : a),
  all: (a, b) => a && b,
  any: (a, b) => a || b,
}

/**
 * Reduces over some axes. Floats add up in double precision, integers exactly. Cases left to the library: 16-bit floats,
 * means of integers, reductions of nothing.
 */
function reduction(name: string): Evaluator {
  return ([x], attrs, { shape, dtype }) => {
    if (!x || product(x.shape) === 0 || /float16/.test(x.dtype)) return undefined
    const isFloat = x.dtype.startsWith('float')
    if (name === 'mean' && !isFloat) return undefined
    const { rows, width } = rowsToReduce(x, reducedAxes(attrs, x.shape.length))
    const exact = isFloat ? memory(rows) : Array.from(memory(rows) as ArrayLike<number | bigint>, BigInt)
    const selectLast = name.startsWith('arg') && Boolean(attrs.get('select_last_index'))
    const result = emptyTensor(dtype, shape)
    const to = memory(result)
    const wide = to instanceof BigInt64Array || to instanceof BigUint64Array
    for (let at = 0; at < to.length; at++) {
      const value = reduceRow(
        name,
        exact.slice(at * width, (at + 1) * width) as unknown as number[],
        selectLast,
      )
      // Too large integers wrap around, as in the library's arithmetic.
      const narrow = typeof value === 'bigint' ? Number(BigInt.asIntN(32, value)) : value
      to[at] = (wide ? BigInt(value) : narrow) as never
    }
    return result
  }
}

function reducedAxes(attrs: TvmObject, rank: number): number[] {
  const all = Array.from({ length: rank }, (_, axis) => axis)
  const given = optionalInts(attrs, 'axis')?.map((axis) => normalize(axis, rank))
  if (!given) return all
  return attrs.get('exclude') ? all.filter((axis) => !given.includes(axis)) : given
}

/** The tensor with the axes that go innermost, and how many elements make one of the result. */
function rowsToReduce(x: Tensor, axes: readonly number[]): { rows: Tensor; width: number } {
  const strides = compactStrides(x.shape)
  const order = [...x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis)), ...axes]
  const shape = order.map((axis) => x.shape[axis] as number)
  return {
    rows: copyView(x, { shape, strides: order.map((axis) => strides[axis] as number), offset: 0 }),
    width: product(axes.map((axis) => x.shape[axis] as number)),
  }
}

function reduceRow(name: string, row: ArrayLike<number>, selectLast: boolean): number | bigint {
  if (name === 'argmax' || name === 'argmin') {
    const beats = (a: number, b: number) => (name === 'argmax' ? a > b : a < b)
    let best = 0
    for (let i = 1; i < row.length; i++) {
      const [value, leader] = [row[i] as number, row[best] as number]
      if (beats(value, leader) || (selectLast && value === leader)) best = i
    }
    return best
  }
  const fold = folds[name === 'mean' ? 'sum' : name] as Fold
  let total = row[0] as number
  for (let i = 1; i < row.length; i++) total = fold(total, row[i] as number)
  return name === 'mean' ? total / row.length : total
}

export const reductions: ReadonlyMap<string, Evaluator> = new Map(
  [...Object.keys(folds), 'mean', 'argmax', 'argmin'].map((name) => [name, reduction(name)] as const),
)
