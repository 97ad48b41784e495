import { emptyTensor } from '../../tensor.js'
import { normalize, optionalInts } from './attributes.js'
import { binary, binaryNames, cast, unaryNames, unaryOp } from './elementwise.js'
import type { Evaluator } from './evaluator.js'
import { layoutTransform } from './layout.js'
import { pointwise } from './pointwise.js'
import { reductions } from './reduce.js'
import { selections } from './select.js'
import { broadcast, compactStrides, copyView } from './strided.js'
import { winogradWeights } from './winograd.js'

const evaluators = new Map<string, Evaluator>([...pointwise, ...reductions, ...Object.entries(selections)])

export function findEvaluator(op: string): Evaluator | undefined {
  return evaluators.get(op)
}

const reshape: Evaluator = ([x], _attrs, { shape }) =>
  x && { dtype: x.dtype, shape: [...shape], data: x.data }
for (const op of [
  'reshape',
  'contrib_reverse_reshape',
  'squeeze',
  'expand_dims',
  'nn.batch_flatten',
  'copy',
  'reshape_like',
]) {
  evaluators.set(op, reshape)
}

for (const op of binaryNames) {
  evaluators.set(op, ([a, b], _attrs, { shape, dtype }) => a && b && binary(op, a, b, shape, dtype))
}
for (const op of unaryNames) evaluators.set(op, ([x]) => x && unaryOp(op, x))
evaluators.set('cast', ([x], _attrs, { dtype }) => x && cast(x, dtype))

evaluators.set('transpose', ([x], attrs, { shape }) => {
  if (!x) return undefined
  const strides = compactStrides(x.shape)
  const rank = x.shape.length
  const axes = optionalInts(attrs, 'axes') ?? x.shape.map((_, i) => rank - 1 - i)
  return copyView(x, {
    shape,
    strides: axes.map((axis) => strides[normalize(axis, rank)] as number),
    offset: 0,
  })
})

evaluators.set('layout_transform', ([x], attrs) => {
  return x && layoutTransform(x, attrs.get('src_layout') as string, attrs.get('dst_layout') as string)
})

evaluators.set('nn.contrib_conv2d_winograd_weight_transform', winogradWeights)

const broadcastTo: Evaluator = ([x], _attrs, { shape }) => x && broadcast(x, shape)
evaluators.set('broadcast_to', broadcastTo)
evaluators.set('full', broadcastTo)

for (const op of ['zeros', 'ones', 'zeros_like', 'ones_like']) {
  evaluators.set(op, (_inputs, _attrs, { shape, dtype }) => {
    const result = emptyTensor(dtype, shape)
    if (op.startsWith('ones'))
      (result.data as unknown[]).fill(typeof (result.data as unknown[])[0] === 'bigint' ? 1n : 1)
    return result
  })
}

evaluators.set('clip', ([x], attrs) => {
  if (x?.dtype !== 'float32') return undefined
  const [low, high] = [Number(attrs.get('a_min')), Number(attrs.get('a_max'))]
  const data = (x.data as Float32Array).map((value) => Math.max(Math.min(value, high), low))
  return { ...x, data }
})
