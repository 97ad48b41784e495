import { add, cast, divide, greater, multiply, power, reshape, sqrt, subtract, where } from '../emit.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import { scalar, type Value } from '../value.js'

/** Optimisers of training (ONNX 1.16, domain `ai.onnx.preview.training`). */
interface Optimizer {
  /** How many tensors each weight keeps between steps. */
  readonly states: number
  /** From rate, step count, weight, gradient and states to the new weight and states. */
  step(
    node: OnnxNode,
    rate: Value,
    count: Value,
    x: Value,
    gradient: Value,
    states: readonly Value[],
  ): Value[]
}

/** The gradient with that of half the weights' square, times a coefficient. */
function regularized({ attrs }: OnnxNode, x: Value, gradient: Value): Value {
  const norm = attrs.float('norm_coefficient', 0)
  return norm === 0 ? gradient : add(multiply(x, norm), gradient)
}

const optimizers: Readonly<Record<string, Optimizer>> = {
  Adagrad: {
    states: 1,
    step(node, rate, count, x, gradient, [history]) {
      const { attrs } = node
      const current = divide(rate, add(multiply(count, attrs.float('decay_factor', 0)), 1))
      const g = regularized(node, x, gradient)
      const squares = add(history as Value, multiply(g, g))
      const scale = add(sqrt(squares), attrs.float('epsilon', 1e-6))
      return [subtract(x, divide(multiply(current, g), scale)), squares]
    },
  },
  Adam: {
    states: 2,
    step(node, rate, count, x, gradient, [mean, square]) {
      const { attrs } = node
      const [alpha, beta] = [attrs.float('alpha', 0.9), attrs.float('beta', 0.999)]
      const g = regularized(node, x, gradient)
      const v = add(multiply(mean as Value, alpha), multiply(g, 1 - alpha))
      const h = add(multiply(square as Value, beta), multiply(multiply(g, g), 1 - beta))
      const decayed = (base: number) =>
        subtract(scalar(1, rate.dtype), power(scalar(base, rate.dtype), count))
      const corrected = divide(multiply(rate, sqrt(decayed(beta))), decayed(alpha))
      const current = where(greater(count, 0), corrected, rate)
      // ONNX's tests and TVM v0.18 have this default; the operator's schema says 1e-6.
      const scale = add(sqrt(h), attrs.float('epsilon', 1e-2))
      const next = subtract(x, divide(multiply(current, v), scale))
      return [multiply(next, 1 - attrs.float('norm_coefficient_post', 0)), v, h]
    },
  },
  Momentum: {
    states: 1,
    step(node, rate, count, x, gradient, [velocity]) {
      const { attrs } = node
      const alpha = attrs.float('alpha')
      const one = scalar(1, rate.dtype)
      const g = regularized(node, x, gradient)
      const beta = where(greater(count, 0), scalar(attrs.float('beta'), rate.dtype), one)
      const v = add(multiply(velocity as Value, alpha), multiply(g, beta))
      const direction = attrs.string('mode') === 'nesterov' ? add(g, multiply(v, alpha)) : v
      return [subtract(x, multiply(direction, rate)), v]
    },
  },
}

for (const [name, { states, step }] of Object.entries(optimizers)) {
  operator(`ai.onnx.preview.training.${name}`, {
    since: 1,
    required: 3,
    convert(node, [rateValue, countValue, ...rest]) {
      const kinds = states + 2
      const count = rest.length / kinds
      if (!Number.isInteger(count) || rest.includes(undefined))
        return node.invalid(`${rest.length} tensors are not ${kinds} for each weight`)
      const tensors = rest as Value[]
      const results = tensors.slice(0, count).map((x, i) => {
        const own = Array.from({ length: kinds }, (_, kind) => tensors[kind * count + i] as Value)
        const rate = cast(reshape(rateValue, []), x.dtype)
        const steps = cast(reshape(countValue, []), x.dtype)
        return step(node, rate, steps, x, own[1] as Value, own.slice(2))
      })
      // All weights come first, then the states, kind by kind.
      return Array.from({ length: states + 1 }, (_, kind) =>
        results.map((each) => each[kind] as Value),
      ).flat()
    },
  })
}
