import { float } from '../../../runtime/index.js'
import {
  abs,
  add,
  broadcastTo,
  cast,
  divide,
  emit,
  emitMany,
  multiply,
  power,
  product,
  range,
  reduce,
  reshape,
  sqrt,
  subtract,
} from '../emit.js'
import { operator } from '../registry.js'
import type { Value } from '../value.js'

interface Normalized {
  readonly result: Value
  readonly mean: Value
  /** One over the standard deviation. */
  readonly inverse: Value
}

/** Takes the mean away and divides by the standard deviation, over `axes`. */
export function normalize(x: Value, axes: readonly number[], epsilon: number): Normalized {
  const mean = reduce('mean', x, axes, true)
  const centred = subtract(x, mean)
  const variance = reduce('mean', multiply(centred, centred), axes, true)
  const inverse = emit('rsqrt', [add(variance, epsilon)])
  return { result: multiply(centred, inverse), mean, inverse }
}

/** Channel factors [channel] laid out against [batch, channel, ...]. */
function perChannel(values: Value, rank: number): Value {
  return reshape(values, [1, product(values.shape), ...new Array<number>(Math.max(rank - 2, 0)).fill(1)])
}

operator('BatchNormalization', {
  since: 1,
  required: 4,
  convert(node, [x, scale, bias, mean, variance]) {
    const { attrs } = node
    const epsilon = attrs.float('epsilon', 1e-5)
    if (!variance) return node.invalid('its input 4 is missing')
    const asData = (value: Value) => cast(value, x.dtype)
    if (node.opset < 14 || !attrs.flag('training_mode')) {
      if (node.opset < 9 && !attrs.flag('spatial', true))
        node.unsupported('statistics per element (spatial = 0) are not supported')
      const [result] = emitMany('nn.batch_norm', [x, ...[scale, bias, mean, variance].map(asData)], 1, {
        axis: 1,
        epsilon: float(epsilon),
        center: true,
        scale: true,
      })
      return [result]
    }
    const axes = range(x.rank).filter((axis) => axis !== 1)
    const momentum = attrs.float('momentum', 0.9)
    const current = reduce('mean', x, axes, true)
    const centred = subtract(x, current)
    const spread = reduce('mean', multiply(centred, centred), axes, true)
    const normalized = multiply(centred, emit('rsqrt', [add(spread, epsilon)]))
    const result = add(
      multiply(normalized, perChannel(asData(scale), x.rank)),
      perChannel(asData(bias), x.rank),
    )
    const blend = (running: Value, now: Value) =>
      add(
        multiply(running, momentum),
        cast(multiply(reshape(now, running.shape), 1 - momentum), running.dtype),
      )
    return [result, blend(mean, current), blend(variance, spread)]
  },
})

operator('InstanceNormalization', {
  since: 1,
  required: 3,
  convert(node, [x, scale, bias]) {
    const epsilon = float(node.attrs.float('epsilon', 1e-5))
    return emit('nn.instance_norm', [x, scale, bias], { axis: 1, epsilon, center: true, scale: true })
  },
})

operator('LayerNormalization', {
  since: 17,
  required: 2,
  convert(node, [x, scale, bias]) {
    const axis = node.axis(node.attrs.int('axis', -1), x.rank)
    const epsilon = node.attrs.float('epsilon', 1e-5)
    if (axis === x.rank - 1 && bias && scale.rank === 1 && node.outputCount === 1 && x.dtype === 'float32') {
      return emit('nn.layer_norm', [x, scale, bias], {
        axis,
        epsilon: float(epsilon),
        center: true,
        scale: true,
      })
    }
    const wide = node.attrs.int('stash_type', 1) === 1 && x.dtype !== 'float64' ? cast(x, 'float32') : x
    const { result, mean, inverse } = normalize(wide, range(x.rank, axis), epsilon)
    const scaled = multiply(cast(result, x.dtype), scale)
    return [bias ? add(scaled, bias) : scaled, mean, inverse]
  },
})

operator('GroupNormalization', {
  since: 18,
  required: 3,
  convert(node, [x, scale, bias]) {
    const groups = node.attrs.int('num_groups')
    const [batch = 1, channels = 1] = x.shape
    if (groups < 1 || channels % groups !== 0)
      node.invalid(`${channels} channels do not divide into ${groups} groups`)
    const grouped = reshape(x, [batch, groups, product(x.shape) / (batch * groups)])
    const result = reshape(normalize(grouped, [2], node.attrs.float('epsilon', 1e-5)).result, x.shape)
    // Before opset 21 scale and bias are per group.
    const factors = (values: Value) => {
      const each =
        node.opset >= 21 ? values : broadcastTo(reshape(values, [groups, 1]), [groups, channels / groups])
      return perChannel(reshape(each, [channels]), x.rank)
    }
    return add(multiply(result, factors(scale)), factors(bias))
  },
})

operator('LRN', {
  since: 1,
  required: 1,
  convert({ attrs }, [x]) {
    return emit('nn.lrn', [x], {
      size: attrs.int('size'),
      axis: 1,
      bias: float(attrs.float('bias', 1)),
      alpha: float(attrs.float('alpha', 1e-4)),
      beta: float(attrs.float('beta', 0.75)),
    })
  },
})

operator('LpNormalization', {
  since: 1,
  required: 1,
  convert(node, [x]) {
    const axis = node.axis(node.attrs.int('axis', -1), x.rank)
    const p = node.attrs.int('p', 2)
    const norm =
      p === 1 ? reduce('sum', abs(x), [axis], true) : sqrt(reduce('sum', multiply(x, x), [axis], true))
    return divide(x, norm)
  },
})

operator('MeanVarianceNormalization', {
  since: 9,
  required: 1,
  convert({ attrs }, [x]) {
    const axes = attrs.ints('axes', [0, 2, 3])
    const centred = subtract(x, reduce('mean', x, axes, true))
    const deviation = power(reduce('mean', multiply(centred, centred), axes, true), 0.5)
    return divide(centred, add(deviation, 1e-9))
  },
})
