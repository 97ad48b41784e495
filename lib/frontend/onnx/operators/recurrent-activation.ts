import { abs, add, clip, divide, greater, multiply, relu, sigmoid, tanh, where } from '../emit.js'
import type { OnnxNode } from '../node.js'
import type { Value } from '../value.js'
import { elu, leakyRelu, softplus } from './activation.js'

export type StepFunction = (x: Value) => Value

interface Parameterised {
  /** Default of alpha; undefined where the function has none. */
  readonly alpha?: number
  readonly beta?: number
  apply(x: Value, alpha: number, beta: number): Value
}

/** The functions that recurrent layers may name (ONNX 1.16, operator LSTM; defaults are ONNX Runtime's). */
const functions: Readonly<Record<string, Parameterised>> = {
  relu: { apply: relu },
  tanh: { apply: tanh },
  sigmoid: { apply: sigmoid },
  softsign: { apply: (x) => divide(x, add(abs(x), 1)) },
  softplus: { apply: softplus },
  affine: { alpha: 1, beta: 0, apply: (x, alpha, beta) => add(multiply(x, alpha), beta) },
  leakyrelu: { alpha: 0.01, apply: leakyRelu },
  thresholdedrelu: { alpha: 1, apply: (x, alpha) => where(greater(x, alpha), x, 0) },
  scaledtanh: { alpha: 1, beta: 1, apply: (x, alpha, beta) => multiply(tanh(multiply(x, beta)), alpha) },
  hardsigmoid: {
    alpha: 0.2,
    beta: 0.5,
    apply: (x, alpha, beta) => clip(add(multiply(x, alpha), beta), 0, 1),
  },
  elu: { alpha: 1, apply: elu },
}

/** The functions of a node, in order; alphas and betas go to those that have such parameters. */
export function readFunctions(node: OnnxNode, defaults: readonly string[]): StepFunction[] {
  const names = node.attrs.strings('activations', defaults)
  if (names.length !== defaults.length)
    node.invalid(`it names ${names.length} activations, ${defaults.length} are needed`)
  const alphas = [...node.attrs.floats('activation_alpha', [])]
  const betas = [...node.attrs.floats('activation_beta', [])]
  return names.map((name) => {
    const found = functions[name.toLowerCase()]
    if (!found) return node.invalid(`its activation '${name}' is unknown`)
    const alpha = found.alpha === undefined ? 0 : (alphas.shift() ?? found.alpha)
    const beta = found.beta === undefined ? 0 : (betas.shift() ?? found.beta)
    return (x) => found.apply(x, alpha, beta)
  })
}
