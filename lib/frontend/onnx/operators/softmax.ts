import { emit, product, range, reshape, transpose } from '../emit.js'
import { extentsOf, productOf, reshapeTo } from '../extents.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import { numbers, OpenShape, scalar, type Value } from '../value.js'

type AlongAxis = (x: Value, axis: number) => Value

/**
 * Applies a function of rows along one axis. `compute` gets [rows, columns] where all extents are known. From opset 13 on the axis is that of the columns;
 * before, the axes from it on are taken together.
 */
function alongAxis(node: OnnxNode, x: Value, compute: AlongAxis): Value {
  if (node.opset < 13) {
    const given = node.attrs.int('axis', 1)
    const axis = given === x.rank ? given : node.axis(given, x.rank)
    const extents = extentsOf(x)
    const rows = reshapeTo(x, [productOf(extents.slice(0, axis)), productOf(extents.slice(axis))])
    return reshapeTo(compute(rows, 1), extents)
  }
  if (x.rank === 0) return reshape(compute(reshape(x, [1, 1]), 1), [])
  const axis = node.axis(node.attrs.int('axis', -1), x.rank)
  if (x.isOpen) return compute(x, axis)
  const last = x.rank - 1
  const order = range(x.rank).map((at) => (at === axis ? last : at === last ? axis : at))
  const turned = transpose(x, order)
  const columns = turned.shape[last] as number
  const rows = reshape(turned, [product(turned.shape) / Math.max(columns, 1), columns])
  // Exchanging two axes is its own inverse.
  return transpose(reshape(compute(rows, 1), turned.shape), order)
}

function hardmax(rows: Value, axis: number): Value {
  if (axis !== 1 || rows.rank !== 2) throw new OpenShape()
  const columns = rows.shape[1] as number
  const places = emit('argmax', [rows], {
    axis: [1],
    keepdims: true,
    exclude: false,
    select_last_index: false,
  })
  const own = numbers(range(columns), places.dtype, [1, columns])
  return emit('where', [emit('equal', [own, places]), scalar(1, rows.dtype), scalar(0, rows.dtype)])
}

operator('Softmax', {
  since: 1,
  required: 1,
  convert: (node, [x]) => alongAxis(node, x, (rows, axis) => emit('nn.softmax', [rows], { axis })),
})
operator('LogSoftmax', {
  since: 1,
  required: 1,
  convert: (node, [x]) => alongAxis(node, x, (rows, axis) => emit('nn.log_softmax', [rows], { axis })),
})
operator('Hardmax', { since: 1, required: 1, convert: (node, [x]) => alongAxis(node, x, hardmax) })
