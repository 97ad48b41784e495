import {
  divide,
  emit,
  equal,
  multiply,
  negative,
  product,
  range,
  reduce,
  reshape,
  transpose,
  where,
} from '../emit.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import { scalar, type Value } from '../value.js'

/** The negative log likelihood of classes: `logProbs` [batch, class, ...], `target` [batch, ...]. */
function likelihoodLoss(node: OnnxNode, logProbs: Value, target: Value, weight: Value | undefined): Value {
  const { dtype } = logProbs
  const ignored = node.attrs.has('ignore_index') ? equal(target, node.attrs.int('ignore_index')) : undefined
  const classes = ignored ? where(ignored, scalar(0, target.dtype), target) : target
  const [batch = 1, ...rest] = target.shape
  const picked = emit('gather', [logProbs, reshape(classes, [batch, 1, ...rest])], { axis: 1 })
  const share = weight
    ? emit('take', [weight, classes], { axis: 0, mode: 'clip' })
    : emit('ones', [], { shape: [...target.shape], dtype })
  const factors = ignored ? where(ignored, scalar(0, dtype), share) : share
  const losses = multiply(negative(reshape(picked, target.shape)), factors)
  const all = range(target.rank)
  const reduction = node.attrs.string('reduction', 'mean')
  if (reduction === 'none') return losses
  if (reduction === 'sum') return reduce('sum', losses, all)
  if (reduction === 'mean') return divide(reduce('sum', losses, all), reduce('sum', factors, all))
  return node.invalid(`reduction is '${reduction}'`)
}

operator('NegativeLogLikelihoodLoss', {
  since: 12,
  required: 2,
  convert: (node, [logProbs, target, weight]) => likelihoodLoss(node, logProbs, target, weight),
})

/** The logarithm of the softmax over the classes, axis 1. */
function logSoftmax(scores: Value): Value {
  const classes = scores.shape[1] as number
  const order = [0, ...range(scores.rank, 2), 1]
  const turned = transpose(scores, order)
  const rows = reshape(turned, [product(scores.shape) / classes, classes])
  const result = reshape(emit('nn.log_softmax', [rows], { axis: -1 }), turned.shape)
  return transpose(result, [0, scores.rank - 1, ...range(scores.rank - 1, 1)])
}

operator('SoftmaxCrossEntropyLoss', {
  since: 12,
  required: 2,
  convert(node, [scores, labels, weight]) {
    const logProbs = logSoftmax(scores)
    return [likelihoodLoss(node, logProbs, labels, weight), logProbs]
  },
})
