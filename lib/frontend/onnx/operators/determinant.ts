import {
  abs,
  cast,
  divide,
  emit,
  equal,
  multiply,
  product,
  range,
  reduce,
  reshape,
  sliceAxis,
  subtract,
  where,
} from '../emit.js'
import { operator } from '../registry.js'
import { filled, numbers, scalar, type Value } from '../value.js'

/** Steps are written out, each with a smaller matrix. */
const MAX_ROWS = 64

operator('Det', {
  since: 11,
  required: 1,
  convert(node, [x]) {
    const [rows = 0, columns = 0] = x.shape.slice(-2)
    const outer = x.shape.slice(0, -2)
    if (x.rank < 2 || rows !== columns) node.invalid(`shape [${x.shape}] has no square matrices`)
    if (rows > MAX_ROWS) node.unsupported(`determinants of ${rows} rows; at most ${MAX_ROWS} are supported`)
    return reshape(determinant(reshape(x, [product(outer), rows, rows]), rows), outer)
  },
})

/** Determinants of [batch, rows, rows] by elimination; the largest element of a column is its pivot. */
function determinant(matrices: Value, rows: number): Value {
  const batch = matrices.shape[0] as number
  const one = scalar(1, matrices.dtype)
  let result = filled(one.tensor as never, [batch])
  let rest = matrices
  for (const size of range(rows + 1, 1).reverse()) {
    const column = sliceAxis(rest, 2, 0, 1)
    const place = emit('argmax', [abs(column)], {
      axis: [1],
      keepdims: true,
      exclude: false,
      select_last_index: false,
    })
    const isPivot = equal(numbers(range(size), place.dtype, [1, size, 1]), place)
    const pivotRow = reduce('sum', multiply(rest, cast(isPivot, rest.dtype)), [1], true)
    const pivot = sliceAxis(pivotRow, 2, 0, 1)
    const sign = where(equal(place, 0), one, -1)
    result = multiply(result, reshape(multiply(pivot, sign), [batch]))
    if (size === 1) break
    // The first row takes the place of the pivot's.
    const swapped = where(isPivot, sliceAxis(rest, 1, 0, 1), rest)
    const divisor = where(equal(pivot, 0), one, pivot)
    const factors = divide(sliceAxis(sliceAxis(swapped, 2, 0, 1), 1, 1, size), divisor)
    const remaining = sliceAxis(sliceAxis(swapped, 1, 1, size), 2, 1, size)
    rest = subtract(remaining, multiply(factors, sliceAxis(pivotRow, 2, 1, size)))
  }
  return result
}
