import { isNarrow } from '../../../narrow.js'
import type { DType } from '../../../tensor.js'
import {
  cast,
  emit,
  greaterEqual,
  lessEqual,
  padRank,
  product,
  range,
  reshape,
  subtract,
  where,
} from '../emit.js'
import { arange, broadcastToExtents, countTo, type Extent, extentsIn, extentsOf } from '../extents.js'
import { narrowed, widened } from '../narrow.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import { checkedShape, elementType, elementTypeNumber } from '../tensor-proto.js'
import { computable, filled, numbers, scalar, Value } from '../value.js'

operator('Constant', {
  since: 1,
  required: 0,
  convert(node, _inputs, context) {
    const { attrs } = node
    if (attrs.has('value')) return Value.constant(attrs.tensor('value'))
    if (attrs.has('value_float')) return scalar(attrs.float('value_float'), 'float32')
    if (attrs.has('value_floats')) return numbers(attrs.floats('value_floats'), 'float32')
    if (attrs.has('value_int')) return scalar(attrs.int('value_int'), 'int64')
    if (attrs.has('value_ints')) return numbers(attrs.ints('value_ints'), 'int64')
    if (attrs.has('value_string'))
      return Value.constant({ dtype: 'string', shape: [], data: [attrs.string('value_string')] })
    if (attrs.has('value_strings')) {
      const data = [...attrs.strings('value_strings')]
      return Value.constant({ dtype: 'string', shape: [data.length], data })
    }
    const sparse = attrs.proto('sparse_value')?.sparseTensor
    return sparse ? context.readSparse(sparse) : node.invalid('it has no value')
  },
})

operator('ConstantOfShape', {
  since: 9,
  required: 1,
  convert(node, [shape]) {
    const known = node.knownNumbers(shape, 'shape')
    const element = node.attrs.has('value')
      ? node.attrs.tensor('value')
      : { dtype: 'float32' as const, shape: [1], data: new Float32Array(1) }
    if (known) return filled(element, checkedShape(known, node.label))
    return broadcastToExtents(reshape(Value.constant(element), [1]), extentsIn(shape))
  },
})

function castValue(node: OnnxNode, x: Value, to: DType): Value {
  if (x.dtype === to) return x
  if (![x.dtype, to].every((dtype) => computable(dtype) || isNarrow(dtype))) {
    node.unsupported(`casts from ${x.dtype} to ${to} are not supported`)
  }
  const numbers = widened(x)
  return isNarrow(to) ? narrowed(numbers, to, node.attrs.flag('saturate', true)) : cast(numbers, to)
}

operator('Cast', {
  since: 1,
  required: 1,
  takesNarrow: true,
  convert(node, [x]) {
    // Before opset 6 the type was text.
    const to = node.opset < 6 ? namedType(node.attrs.string('to')) : node.attrs.int('to')
    return castValue(node, x, elementType(to, node.label))
  },
})

/** The number of an element type by the name it has in `TensorProto.DataType`. */
function namedType(name: string): number {
  const lower = name.toLowerCase()
  return elementTypeNumber(lower === 'float' ? 'float32' : lower === 'double' ? 'float64' : (lower as DType))
}

operator('CastLike', {
  since: 15,
  required: 2,
  takesNarrow: true,
  convert: (node, [x, like]) => castValue(node, x, like.dtype),
})

operator('Range', {
  since: 11,
  required: 3,
  convert(node, [start, limit, delta]) {
    const known = [start, limit, delta].map((value, i) =>
      node.knownNumbers(value, ['start', 'limit', 'delta'][i] as string),
    )
    if (known.includes(undefined)) {
      const [from, to, by] = [start, limit, delta].map((value) => reshape(value, [])) as [Value, Value, Value]
      return arange(from, to, by)
    }
    const [first, end, step] = known.map((each) => each?.[0]) as [number, number, number]
    if (step === 0) node.invalid('delta is 0')
    const count = Math.max(Math.ceil((end - first) / step), 0)
    checkedShape([count], node.label)
    return numbers(
      range(count).map((i) => first + i * step),
      start.dtype,
    )
  },
})

operator('EyeLike', {
  since: 9,
  required: 1,
  convert(node, [x]) {
    const [rows, columns] = x.shape
    if (rows === undefined || columns === undefined || x.rank !== 2)
      return node.invalid(`shape [${x.shape}] is no matrix`)
    const dtype = node.attrs.has('dtype') ? elementType(node.attrs.int('dtype'), node.label) : x.dtype
    const k = node.attrs.int('k', 0)
    return numbers(
      range(rows * columns).map((i) => (Math.floor(i / columns) + k === i % columns ? 1 : 0)),
      dtype,
      [rows, columns],
    )
  },
})

/** The same where only a run knows how many rows and columns there are. */
function triangle(x: Value, k: number, upper: boolean): Value {
  const [rows, columns] = extentsOf(x).slice(-2) as [Extent, Extent]
  const row = padRank(countTo(rows), 2, true)
  const above = subtract(subtract(countTo(columns), row), k)
  return where(upper ? greaterEqual(above, 0) : lessEqual(above, 0), x, 0)
}

operator('Trilu', {
  since: 14,
  required: 1,
  convert(node, [x, diagonal]) {
    const k = diagonal ? node.number(diagonal, 'diagonal') : 0
    if (x.isOpen && x.rank >= 2) return triangle(x, k, node.attrs.flag('upper', true))
    const [rows, columns] = x.shape.slice(-2) as [number, number]
    if (x.rank < 2) node.invalid(`shape [${x.shape}] has no matrices`)
    const upper = node.attrs.flag('upper', true)
    const keep = range(rows * columns).map((i) => {
      const above = (i % columns) - Math.floor(i / columns) - k
      return (upper ? above >= 0 : above <= 0) ? 1 : 0
    })
    if (product(x.shape) === 0) return x
    return emit('where', [numbers(keep, 'bool', [rows, columns]), x, scalar(0, x.dtype)])
  },
})
