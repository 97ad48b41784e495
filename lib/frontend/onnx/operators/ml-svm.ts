import {
  add,
  cast,
  emit,
  exp,
  greater,
  multiply,
  power,
  reduce,
  reshape,
  subtract,
  tanh,
  where,
} from '../emit.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import { numbers, scalar, type Value } from '../value.js'
import { postTransform } from './tree-ensemble.js'

/** [rows, width] against [count, width]: inner products [rows, count]. */
function products(x: Value, vectors: readonly number[], count: number): Value {
  const weight = numbers(vectors, 'float32', [count, vectors.length / count])
  return emit('nn.dense', [x, weight], { units: count, out_dtype: 'float32' })
}

/** The kernel of each row with each of `count` vectors. */
function kernel(node: OnnxNode, x: Value, vectors: readonly number[], count: number): Value {
  const [gamma = 0, offset = 0, degree = 3] = node.attrs.floats('kernel_params', [])
  const name = node.attrs.string('kernel_type', 'LINEAR')
  const kernels: Readonly<Record<string, () => Value>> = {
    LINEAR: () => products(x, vectors, count),
    POLY: () => power(add(multiply(products(x, vectors, count), gamma), offset), degree),
    SIGMOID: () => tanh(add(multiply(products(x, vectors, count), gamma), offset)),
    RBF: () => {
      const [rows, width] = x.shape as [number, number]
      const apart = subtract(reshape(x, [rows, 1, width]), numbers(vectors, 'float32', [1, count, width]))
      return exp(multiply(reduce('sum', multiply(apart, apart), [2]), -gamma))
    },
  }
  return kernels[name]?.() ?? node.invalid(`kernel_type is '${name}'`)
}

operator('ai.onnx.ml.SVMRegressor', {
  since: 1,
  required: 1,
  convert(node, [input]) {
    const { attrs } = node
    const x = cast(input.rank === 1 ? reshape(input, [1, input.shape[0] as number]) : input, 'float32')
    const count = attrs.int('n_supports', 0)
    const coefficients = attrs.floats('coefficients')
    const [rho = 0] = attrs.floats('rho', [])
    const vectors = count > 0 ? attrs.floats('support_vectors') : coefficients
    const width = x.shape[1] as number
    if (vectors.length !== Math.max(count, 1) * width || (count > 0 && coefficients.length !== count))
      node.invalid(`${vectors.length} numbers are not ${Math.max(count, 1)} vectors of ${width}`)
    const near = kernel(node, x, vectors, Math.max(count, 1))
    const sums = add(count > 0 ? products(near, coefficients, 1) : near, rho)
    if (!attrs.flag('one_class')) return postTransform(node, sums, attrs.string('post_transform', 'NONE'))
    return where(greater(sums, 0), scalar(1, 'float32'), -1)
  },
})
