import { emptyTensor, type Tensor } from '../../tensor.js'
import type { Evaluator } from './evaluator.js'
import { broadcast, memory } from './strided.js'

type Scalar = number | bigint
/** Of two elements of the same type; what it yields is converted as an assignment to a typed array converts. */
type Combine = (a: never, b: never) => Scalar

const flag = (value: boolean) => (value ? 1 : 0)
/** Written once for numbers and for 64-bit integers, which are both meant by `number` here. */
const combinations: Readonly<Record<string, Combine>> = {
  logical_and: (a: number, b: number) => flag(Boolean(a) && Boolean(b)),
  logical_or: (a: number, b: number) => flag(Boolean(a) || Boolean(b)),
  logical_xor: (a: number, b: number) => flag(Boolean(a) !== Boolean(b)),
  bitwise_and: (a: number, b: number) => a & b,
  bitwise_or: (a: number, b: number) => a | b,
  bitwise_xor: (a: number, b: number) => a ^ b,
  mod: (a: number, b: number) => a % b,
  trunc_mod: (a: number, b: number) => a % b,
  floor_mod: (a: number, b: number) => {
    const rest = a % b
    return rest && rest < 0 !== b < 0 ? rest + b : rest
  },
}
const divisions: ReadonlySet<string> = new Set(['mod', 'trunc_mod', 'floor_mod'])

const functions: Readonly<Record<string, (x: never) => Scalar>> = {
  logical_not: (x: number) => flag(!x),
  bitwise_not: (x: number) => ~x,
  isnan: (x: number) => flag(Number.isNaN(x)),
  isinf: (x: number) => flag(x === Number.POSITIVE_INFINITY || x === Number.NEGATIVE_INFINITY),
}

const is16Bit = ({ dtype }: Tensor) => /float16/.test(dtype)

function combine(name: string): Evaluator {
  const compute = combinations[name] as Combine
  return ([a, b], _attrs, { shape, dtype }) => {
    if (!a || !b || is16Bit(a)) return undefined
    const [left, right] = [memory(broadcast(a, shape)), memory(broadcast(b, shape))]
    if (divisions.has(name) && (right as Float64Array).some((x) => !x)) return undefined
    const result = emptyTensor(dtype, shape)
    const to = memory(result)
    for (let i = 0; i < to.length; i++) to[i] = compute(left[i] as never, right[i] as never) as never
    return result
  }
}

function apply(name: string): Evaluator {
  const compute = functions[name] as (x: never) => Scalar
  return ([x], _attrs, { shape, dtype }) => {
    if (!x || is16Bit(x)) return undefined
    const result = emptyTensor(dtype, shape)
    const [to, from] = [memory(result), memory(x)]
    for (let i = 0; i < to.length; i++) to[i] = compute(from[i] as never) as never
    return result
  }
}

/** Element-wise operators that constants meet rarely and in small numbers: masks, indices, remainders. */
export const pointwise: ReadonlyMap<string, Evaluator> = new Map([
  ...Object.keys(combinations).map((name) => [name, combine(name)] as const),
  ...Object.keys(functions).map((name) => [name, apply(name)] as const),
])
