import { emit, product, range, reshape, transpose } from '../emit.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import { numbers, scalar, type Value } from '../value.js'

type AlongLast = (x: Value) => Value

/**
 * Applies a function of rows along one axis. `compute` gets [rows, columns]. From opset 13 on the axis is that of the columns;
 * before, the axes from it on are taken together.
 */
function alongAxis(node: OnnxNode, x: Value, compute: AlongLast): Value {
  if (node.opset < 13) {
    const given = node.attrs.int('axis', 1)
    const axis = given === x.rank ? given : node.axis(given, x.rank)
    return reshape(
      compute(reshape(x, [product(x.shape.slice(0, axis)), product(x.shape.slice(axis))])),
      x.shape,
    )
  }
  if (x.rank === 0) return reshape(compute(reshape(x, [1, 1])), [])
  const axis = node.axis(node.attrs.int('axis', -1), x.rank)
  const last = x.rank - 1
  const order = range(x.rank).map((at) => (at === axis ? last : at === last ? axis : at))
  const turned = transpose(x, order)
  const columns = turned.shape[last] as number
  const rows = reshape(turned, [product(turned.shape) / Math.max(columns, 1), columns])
  // Exchanging two axes is its own inverse.
  return transpose(reshape(compute(rows), turned.shape), order)
}

function hardmax(rows: Value): Value {
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
  convert: (node, [x]) => alongAxis(node, x, (rows) => emit('nn.softmax', [rows], { axis: -1 })),
})
operator('LogSoftmax', {
  since: 1,
  required: 1,
  convert: (node, [x]) => alongAxis(node, x, (rows) => emit('nn.log_softmax', [rows], { axis: -1 })),
})
operator('Hardmax', { since: 1, required: 1, convert: (node, [x]) => alongAxis(node, x, hardmax) })
