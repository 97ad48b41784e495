import {
  add,
  broadcastShape,
  broadcastTo,
  emit,
  emitOnTuple,
  multiply,
  product,
  reshape,
  transpose,
} from '../emit.js'
import {
  broadcastExtents,
  broadcastToExtents,
  type Extent,
  extentsOf,
  productOf,
  reshapeTo,
} from '../extents.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import type { Value } from '../value.js'

/** [rows, inner] times [inner, columns]; `outDtype` is that of the sums. */
function multiplyMatrices(a: Value, b: Value, outDtype: string): Value {
  return emit('nn.dense', [a, transpose(b, [1, 0])], { units: b.dims[1] as number, out_dtype: outDtype })
}

/** NumPy's matmul for operands of any rank. */
export function matmul(node: OnnxNode, a: Value, b: Value, outDtype: string = a.dtype): Value {
  if (a.rank === 0 || b.rank === 0) node.invalid('scalars have no matrix product')
  if (a.isOpen || b.isOpen) return openMatmul(node, a, b, outDtype)
  const left = a.rank === 1 ? reshape(a, [1, ...a.shape]) : a
  const right = b.rank === 1 ? reshape(b, [...b.shape, 1]) : b
  const [rows, inner] = left.shape.slice(-2) as [number, number]
  const columns = right.shape.at(-1) as number
  if (inner !== right.shape.at(-2))
    node.invalid(`shapes [${a.shape}] and [${b.shape}] have no matrix product`)
  const [batchA, batchB] = [left.shape.slice(0, -2), right.shape.slice(0, -2)]
  const batch =
    broadcastShape(batchA, batchB) ?? node.invalid(`shapes [${a.shape}] and [${b.shape}] do not broadcast`)
  const result =
    product(batchB) === 1
      ? multiplyMatrices(
          reshape(left, [product(batchA) * rows, inner]),
          reshape(right, [inner, columns]),
          outDtype,
        )
      : multiplyBatches(left, right, batch, outDtype)
  const shape = [...batch, ...(a.rank === 1 ? [] : [rows]), ...(b.rank === 1 ? [] : [columns])]
  return reshape(result, shape)
}

/** The same where only a run knows extents. */
function openMatmul(node: OnnxNode, a: Value, b: Value, outDtype: string): Value {
  const left = a.rank === 1 ? reshapeTo(a, [1, ...extentsOf(a)]) : a
  const right = b.rank === 1 ? reshapeTo(b, [...extentsOf(b), 1]) : b
  const [rows, inner] = extentsOf(left).slice(-2) as [Extent, Extent]
  const [depth, columns] = extentsOf(right).slice(-2) as [Extent, Extent]
  if (typeof inner === 'number' && typeof depth === 'number' && inner !== depth)
    node.invalid(`shapes [${a.dims}] and [${b.dims}] have no matrix product`)
  const outer = extentsOf(left).slice(0, -2)
  const batch =
    broadcastExtents(outer, extentsOf(right).slice(0, -2)) ??
    node.invalid(`shapes [${a.dims}] and [${b.dims}] do not broadcast`)
  const attrs = { out_dtype: outDtype, transpose_a: false, transpose_b: true }
  const product = (): Value => {
    if (right.rank === 2 && typeof columns === 'number') {
      const flat = reshapeTo(left, [productOf([...outer, rows]), inner])
      return reshapeTo(multiplyMatrices(flat, right, outDtype), [...outer, rows, columns])
    }
    const [matrices, weights] = [left, right].map((value) => {
      const [m, n] = extentsOf(value).slice(-2) as [Extent, Extent]
      const whole = value.rank === 2 ? value : broadcastToExtents(value, [...batch, m, n])
      return reshapeTo(whole, [value.rank === 2 ? 1 : productOf(batch), m, n])
    }) as [Value, Value]
    // Relay's kernels expect the second operand transposed.
    const result = emit('nn.batch_matmul', [matrices, transpose(weights, [0, 2, 1])], attrs)
    return reshapeTo(result, [...batch, rows, columns])
  }
  const result = product()
  if (a.rank > 1 && b.rank > 1) return result
  const axis = [...(a.rank === 1 ? [result.rank - 2] : []), ...(b.rank === 1 ? [result.rank - 1] : [])]
  return emit('squeeze', [result], { axis })
}

function multiplyBatches(a: Value, b: Value, batch: readonly number[], outDtype: string): Value {
  const flat = (value: Value) => {
    const matrix = value.shape.slice(-2)
    return reshape(broadcastTo(value, [...batch, ...matrix]), [product(batch), ...matrix])
  }
  // Relay's kernels expect the second operand transposed.
  return emit('nn.batch_matmul', [flat(a), transpose(flat(b), [0, 2, 1])], {
    out_dtype: outDtype,
    transpose_a: false,
    transpose_b: true,
  })
}

operator('MatMul', { since: 1, required: 2, convert: (node, [a, b]) => matmul(node, a, b) })

operator('Gemm', {
  since: 1,
  required: 2,
  convert(node, [a, b, c]) {
    const { attrs } = node
    const scaled = (value: Value, factor: number) => (factor === 1 ? value : multiply(value, factor))
    if (a.rank !== 2 || b.rank !== 2)
      node.invalid(`operands of shapes [${a.dims}] and [${b.dims}] are not matrices`)
    const left = attrs.flag('transA') ? transpose(a, [1, 0]) : a
    const weight = attrs.flag('transB') ? b : transpose(b, [1, 0])
    const [units = -1] = weight.dims
    const [depth, inner] = [left.dims[1], weight.dims[1]]
    if (units < 0) node.dynamic('the number of its columns is open', [weight])
    if (depth !== inner && depth !== -1 && inner !== -1)
      node.invalid(`shapes [${a.dims}] and [${b.dims}] have no matrix product`)
    const result = emit('nn.dense', [left, weight], { units, out_dtype: a.dtype })
    const scaledResult = scaled(result, attrs.float('alpha', 1))
    return c ? add(scaledResult, scaled(c, attrs.float('beta', 1))) : scaledResult
  },
})

operator('Einsum', {
  since: 12,
  required: 1,
  convert(node, inputs) {
    const operands = inputs.filter((value) => value !== undefined)
    return emitOnTuple('einsum', operands, { equation: node.attrs.string('equation').replace(/\s/g, '') })
  },
})
