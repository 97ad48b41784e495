import {
  abs,
  add,
  cast,
  divide,
  emit,
  equal,
  floor,
  greater,
  less,
  multiply,
  padRank,
  power,
  product,
  subtract,
  where,
} from '../emit.js'
import type { OnnxNode } from '../node.js'
import { type Inputs, operator } from '../registry.js'
import { isFloat, type Value } from '../value.js'

type Binary = (node: OnnxNode, a: Value, b: Value) => Value

/** Two inputs broadcast by NumPy's rules; before opset 7 the second starts at `axis` of the first. */
function binary(name: string, since: number, compute: Binary): void {
  operator(name, { since, required: 2, convert: (node, [a, b]) => compute(node, a, aligned(node, a, b)) })
}

function aligned(node: OnnxNode, a: Value, b: Value): Value {
  if (node.opset >= 7 || !node.attrs.has('axis') || b.rank === 0) return b
  return padRank(b, a.rank - node.attrs.int('axis'), true)
}

const call =
  (op: string): Binary =>
  (_node, a, b) =>
    emit(op, [a, b])

binary('Add', 1, call('add'))
binary('Sub', 1, call('subtract'))
binary('Mul', 1, call('multiply'))
// Relay's division of integers truncates, as ONNX's does.
binary('Div', 1, call('divide'))
binary('Equal', 1, call('equal'))
binary('Greater', 1, call('greater'))
binary('Less', 1, call('less'))
binary('GreaterOrEqual', 12, call('greater_equal'))
binary('LessOrEqual', 12, call('less_equal'))
binary('And', 1, call('logical_and'))
binary('Or', 1, call('logical_or'))
binary('Xor', 1, call('logical_xor'))
binary('BitwiseAnd', 18, call('bitwise_and'))
binary('BitwiseOr', 18, call('bitwise_or'))
binary('BitwiseXor', 18, call('bitwise_xor'))

binary('BitShift', 11, (node, a, b) => {
  const direction = node.attrs.string('direction')
  if (direction !== 'LEFT' && direction !== 'RIGHT') node.invalid(`direction is '${direction}'`)
  return emit(direction === 'LEFT' ? 'left_shift' : 'right_shift', [a, b])
})

binary('Pow', 1, (_node, base, exponent) => {
  const known =
    exponent.rank <= base.rank && product(exponent.shape) === 1 ? exponent.numbers?.[0] : undefined
  if (isFloat(base)) return power(base, known ?? cast(exponent, base.dtype))
  // The library has no power of integers; doubles hold those up to 2**53 exactly.
  return cast(power(cast(base, 'float64'), known ?? cast(exponent, 'float64')), base.dtype)
})

binary('Mod', 10, (node, a, b) => {
  // With fmod the result has the dividend's sign, else the divisor's.
  if (isFloat(a)) return emit('mod', [a, b])
  return emit(node.attrs.flag('fmod') ? 'trunc_mod' : 'floor_mod', [a, b])
})

function variadic(name: string, combine: (values: readonly Value[]) => Value): void {
  operator(name, {
    since: 1,
    required: 1,
    convert: (_node, inputs: Inputs<1>) => combine(inputs.filter((value) => value !== undefined)),
  })
}
const fold = (op: string) => (values: readonly Value[]) => values.reduce((a, b) => emit(op, [a, b]))

variadic('Max', fold('maximum'))
variadic('Min', fold('minimum'))
variadic('Sum', fold('add'))
variadic('Mean', (values) => divide(fold('add')(values), values.length))

operator('Where', {
  since: 9,
  required: 3,
  convert: (_node, [condition, whenTrue, whenFalse]) => emit('where', [condition, whenTrue, whenFalse]),
})

const unary: Readonly<Record<string, string>> = {
  Abs: 'abs',
  Neg: 'negative',
  Ceil: 'ceil',
  Floor: 'floor',
  Sqrt: 'sqrt',
  Exp: 'exp',
  Log: 'log',
  Sin: 'sin',
  Cos: 'cos',
  Tan: 'tan',
  Asin: 'asin',
  Acos: 'acos',
  Atan: 'atan',
  Sinh: 'sinh',
  Cosh: 'cosh',
  Asinh: 'asinh',
  Acosh: 'acosh',
  Atanh: 'atanh',
  Sign: 'sign',
  Erf: 'erf',
  Not: 'logical_not',
  BitwiseNot: 'bitwise_not',
  IsNaN: 'isnan',
}
for (const [name, op] of Object.entries(unary)) {
  operator(name, { since: 1, required: 1, convert: (_node, [x]) => emit(op, [x]) })
}

operator('IsInf', {
  since: 10,
  required: 1,
  convert({ attrs }, [x]) {
    const [positive, minus] = [attrs.flag('detect_positive', true), attrs.flag('detect_negative', true)]
    const infinite = emit('isinf', [x])
    if (positive && minus) return infinite
    if (!positive && !minus) return emit('zeros', [], { shape: [...x.shape], dtype: 'bool' })
    return emit('logical_and', [infinite, positive ? greater(x, 0) : less(x, 0)])
  },
})

/** Numbers of at least this size have no fraction. */
const WHOLE = { float16: 2 ** 10, bfloat16: 2 ** 7, float32: 2 ** 23, float64: 2 ** 52 } as const

/** To the nearest integer, ties to the even one; Relay rounds ties away from zero. */
export function roundToEven(x: Value): Value {
  const below = floor(x)
  const rest = subtract(x, below)
  const odd = equal(subtract(below, multiply(floor(multiply(below, 0.5)), 2)), 1)
  const up = emit('logical_or', [greater(rest, 0.5), emit('logical_and', [equal(rest, 0.5), odd])])
  const rounded = where(up, add(below, 1), below)
  return where(less(abs(x), WHOLE[x.dtype as keyof typeof WHOLE] ?? 2 ** 23), rounded, x)
}

operator('Round', { since: 11, required: 1, convert: (_node, [x]) => roundToEven(x) })
