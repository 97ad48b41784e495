import { float } from '../../../runtime/index.js'
import {
  abs,
  add,
  clip,
  divide,
  emit,
  erf,
  exp,
  greater,
  less,
  log,
  maximum,
  minimum,
  multiply,
  negative,
  relu,
  subtract,
  tanh,
  where,
} from '../emit.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import { isFloat, scalar, type Value } from '../value.js'

type Activation = (x: Value, node: OnnxNode) => Value

/** log(1 + exp(x)), without overflow. */
export const softplus = (x: Value) => add(maximum(x, 0), log(add(exp(negative(abs(x))), 1)))
export const elu = (x: Value, alpha: number) =>
  where(less(x, 0), multiply(subtract(exp(minimum(x, 0)), 1), alpha), x)

export function gelu(x: Value, approximate: string): Value {
  const half = multiply(x, 0.5)
  if (approximate !== 'tanh') return multiply(half, add(erf(multiply(x, Math.SQRT1_2)), 1))
  const cube = multiply(multiply(multiply(x, x), x), 0.044715)
  return multiply(half, add(tanh(multiply(add(x, cube), Math.sqrt(2 / Math.PI))), 1))
}

const activations: Readonly<Record<string, Activation>> = {
  Relu: (x) => (isFloat(x) ? relu(x) : maximum(x, 0)),
  LeakyRelu: (x, { attrs }) => leakyRelu(x, attrs.float('alpha', 0.01)),
  Elu: (x, { attrs }) => elu(x, attrs.float('alpha', 1)),
  Selu: (x, { attrs }) =>
    multiply(elu(x, attrs.float('alpha', 1.6732631921768188)), attrs.float('gamma', 1.0507010221481323)),
  Celu: (x, { attrs }) => {
    const alpha = attrs.float('alpha', 1)
    return add(maximum(x, 0), minimum(multiply(subtract(exp(divide(x, alpha)), 1), alpha), 0))
  },
  Sigmoid: (x) => emit('sigmoid', [x]),
  HardSigmoid: (x, { attrs }) =>
    clip(add(multiply(x, attrs.float('alpha', 0.2)), attrs.float('beta', 0.5)), 0, 1),
  HardSwish: (x) => multiply(x, clip(add(multiply(x, 1 / 6), 0.5), 0, 1)),
  Tanh: tanh,
  Softplus: softplus,
  Softsign: (x) => divide(x, add(abs(x), 1)),
  Gelu: (x, { attrs }) => gelu(x, attrs.string('approximate', 'none')),
  Mish: (x) => multiply(x, tanh(softplus(x))),
  ThresholdedRelu: (x, { attrs }) => where(greater(x, attrs.float('alpha', 1)), x, 0),
  Shrink: (x, { attrs }) => {
    const [limit, bias] = [attrs.float('lambd', 0.5), attrs.float('bias', 0)]
    const high = where(greater(x, limit), subtract(x, bias), 0)
    return where(less(x, -limit), add(x, bias), high)
  },
}

export function leakyRelu(x: Value, alpha: number): Value {
  // Relay's operator refuses negative slopes.
  return alpha >= 0
    ? emit('nn.leaky_relu', [x], { alpha: float(alpha) })
    : where(less(x, 0), multiply(x, alpha), x)
}

for (const [name, activate] of Object.entries(activations)) {
  operator(name, { since: 1, required: 1, convert: (node, [x]) => activate(x, node) })
}

operator('PRelu', {
  since: 1,
  required: 2,
  convert(node, [x, slope]) {
    // Before opset 7 a slope of one axis is per channel.
    const channel = node.opset < 7 && slope.rank === 1 && x.rank > 2
    const factor = channel ? emit('expand_dims', [slope], { axis: 1, num_newaxis: x.rank - 2 }) : slope
    return where(less(x, 0), multiply(x, factor), x)
  },
})

function limit(x: Value, low: number | undefined, high: number | undefined): Value {
  if (x.dtype === 'float32' && low !== undefined && high !== undefined && low <= high) {
    return emit('clip', [x], { a_min: float(low), a_max: float(high) })
  }
  return clip(x, low, high)
}

operator('Clip', {
  since: 1,
  required: 1,
  convert({ attrs }, [x]) {
    return limit(
      x,
      attrs.has('min') ? attrs.float('min') : undefined,
      attrs.has('max') ? attrs.float('max') : undefined,
    )
  },
})

operator('Clip', {
  since: 11,
  required: 1,
  convert(_node, [x, low, high]) {
    const known = (bound: Value | undefined) => bound === undefined || bound.isConstant
    if (x.dtype === 'float32' && known(low) && known(high))
      return limit(x, low?.numbers?.[0], high?.numbers?.[0])
    const raised = low ? emit('maximum', [x, low]) : x
    return high ? emit('minimum', [raised, high]) : raised
  },
})

operator('Reciprocal', { since: 1, required: 1, convert: (_node, [x]) => divide(scalar(1, x.dtype), x) })
