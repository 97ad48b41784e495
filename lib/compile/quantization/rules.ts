import { ranges } from '../../ir/quantised-numbers.js'
import {
  type Call,
  call,
  callOp,
  constant,
  dtypeOf,
  type Expr,
  shapeOf,
  Tuple,
  tuple,
} from '../../ir/relay.js'
import { int, ints } from '../../ops/attrs.js'
import { add, cast } from './arithmetic.js'
import {
  type Addition,
  elementsOf,
  type Form,
  integerSums,
  type Quantized,
  type Sums,
  sameGrid,
  settled,
} from './form.js'
import { along, combine, known, onlyValue, parameter } from './parameter.js'
import { batchMatmul, convolve, dense } from './product.js'

/** What is known of rewritten expressions. */
export interface Forms {
  of(expr: Expr): Form | undefined
  /** See `QuantizationOptions`. */
  readonly mixed: boolean
}

/** The result of an operator by integers, as a form or as an expression of its own; undefined where it has none. */
export type FormRule = (expr: Call, forms: Forms) => Form | Expr | undefined

export const rules = new Map<string, FormRule>()

const isBytes = (form: Form | undefined): form is Quantized =>
  form?.kind === 'quantized' && ['int8', 'uint8'].includes(dtypeOf(form.integers))

function operands(expr: Call, forms: Forms): { data: Quantized; weight: Quantized } | undefined {
  const [data, weight] = expr.args.map((arg) => forms.of(arg))
  return isBytes(data) && isBytes(weight) ? { data, weight } : undefined
}

for (const op of ['nn.conv1d', 'nn.conv2d', 'nn.conv3d']) {
  rules.set(op, (expr, forms) => {
    const found = operands(expr, forms)
    return found && convolve(expr, op, found, forms.mixed)
  })
}
rules.set('nn.dense', (expr, forms) => {
  const found = operands(expr, forms)
  return found && dense(found, forms.mixed)
})
rules.set('nn.batch_matmul', (expr, forms) => {
  const found = operands(expr, forms)
  return found && batchMatmul(expr, found, forms.mixed)
})

/** The library's operators on integers with zero points, whose results are int32. */
function explicit(expr: Call): { data: Quantized; weight: Quantized } {
  const [data, weight, dataZero, weightZero] = expr.args as [Expr, Expr, Expr, Expr]
  const one = known([1], 'float32')
  return {
    data: { kind: 'quantized', integers: data, scale: one, zero: parameter(dataZero), axis: 0 },
    weight: { kind: 'quantized', integers: weight, scale: one, zero: parameter(weightZero), axis: 0 },
  }
}
const sumsOf = (form: Sums | undefined) => form && integerSums(form)
rules.set('qnn.conv2d', (expr, { mixed }) => sumsOf(convolve(expr, 'nn.conv2d', explicit(expr), mixed)))
rules.set('qnn.dense', (expr, { mixed }) => sumsOf(dense(explicit(expr), mixed)))
rules.set('qnn.batch_matmul', (expr, { mixed }) => sumsOf(batchMatmul(expr, explicit(expr), mixed)))

/** Operators that move elements or choose among them, so that it makes no difference on which side of a scaling they are. */
export const moves: ReadonlySet<string> = new Set([
  'reshape',
  'transpose',
  'squeeze',
  'expand_dims',
  'nn.batch_flatten',
  'strided_slice',
  'take',
  'tile',
  'reverse',
  'broadcast_to',
  'concatenate',
  'nn.depth_to_space',
  'nn.space_to_depth',
  'nn.max_pool1d',
  'nn.max_pool2d',
  'nn.max_pool3d',
  'nn.global_max_pool2d',
])
for (const op of moves) if (op !== 'concatenate') rules.set(op, (expr, forms) => move(op, expr, forms))

function move(op: string, expr: Call, forms: Forms): Form | undefined {
  const [x, ...rest] = expr.args as [Expr, ...Expr[]]
  const form = forms.of(x)
  if (!form || form.kind === 'addition') return undefined
  const moved = (integers: Expr) => settled(callOp(expr.op, [integers, ...rest], expr.attrs), integers)
  const isScalar = form.scale.isScalar && (form.kind === 'sums' || form.zero.isScalar)
  const axis = isScalar ? 0 : movedAxis(op, expr, form.axis, shapeOf(x), shapeOf(expr))
  if (axis === undefined) return undefined
  if (form.kind === 'quantized') return { ...form, integers: moved(form.integers), axis }
  return { ...form, products: moved(integerSums(form)), offsets: undefined, axis }
}

/** Where an axis goes, if it stays whole. */
function movedAxis(
  op: string,
  expr: Call,
  axis: number,
  before: readonly number[],
  after: readonly number[],
): number | undefined {
  if (op === 'transpose') {
    const axes = ints(expr.attrs, 'axes').map((each) => (each + before.length) % before.length)
    return axes.length === 0 ? before.length - 1 - axis : axes.indexOf(axis)
  }
  if (!['reshape', 'squeeze', 'expand_dims', 'nn.batch_flatten'].includes(op)) return undefined
  const extents = (shape: readonly number[], from: number, to: number) =>
    shape.slice(from, to).reduce((product, extent) => product * extent, 1)
  const leading = extents(before, 0, axis)
  const found = after.findIndex((extent, i) => extent === before[axis] && extents(after, 0, i) === leading)
  return found < 0 ? undefined : found
}

rules.set('concatenate', (expr, forms) => {
  const [fields] = expr.args
  if (!(fields instanceof Tuple)) return undefined
  const parts = fields.fields.map((field) => forms.of(field))
  const [first] = parts
  if (!isBytes(first) || !first.scale.isScalar || !first.zero.isScalar) return undefined
  const grid = { ...first, dtype: dtypeOf(first.integers) }
  if (!parts.every((part) => part?.kind === 'quantized' && sameGrid(part, grid))) return undefined
  const integers = parts.map((part) => (part as Quantized).integers)
  return { ...first, integers: callOp(expr.op, [tuple(integers)], expr.attrs) }
})

function limited(
  form: Form | undefined,
  low: number | undefined,
  high: number | undefined,
): Form | undefined {
  if (!form) return undefined
  if (form.kind === 'quantized') return low === 0 && high === undefined ? rectified(form) : undefined
  const least = Math.max(form.low ?? Number.NEGATIVE_INFINITY, low ?? Number.NEGATIVE_INFINITY)
  const most = Math.min(form.high ?? Number.POSITIVE_INFINITY, high ?? Number.POSITIVE_INFINITY)
  if (least > most) return undefined
  return {
    ...form,
    ...(Number.isFinite(least) ? { low: least } : {}),
    ...(Number.isFinite(most) ? { high: most } : {}),
  }
}

/** Zero is on every grid, so that the smaller integers can be cut off. */
function rectified(form: Quantized): Quantized | undefined {
  const zero = onlyValue(form.zero)
  const dtype = dtypeOf(form.integers)
  if (zero === undefined || !ranges[dtype]) return undefined
  if (zero === ranges[dtype][0]) return form
  return { ...form, integers: call('maximum', [form.integers, constant(zero, dtype)]) }
}

rules.set('nn.relu', (expr, forms) => limited(forms.of(expr.args[0] as Expr), 0, undefined))
rules.set('clip', (expr, forms) =>
  limited(forms.of(expr.args[0] as Expr), Number(expr.attrs.get('a_min')), Number(expr.attrs.get('a_max'))),
)
for (const op of ['maximum', 'minimum']) {
  rules.set(op, (expr, forms) => {
    const [x, bound] = expr.args as [Expr, Expr]
    const elements = elementsOf(bound)
    if (elements?.length !== 1) return undefined
    const [low, high] = op === 'maximum' ? [elements[0], undefined] : [undefined, elements[0]]
    return limited(forms.of(x), low, high)
  })
}

/** Adds a bias that is quantised with the scale of the sums. */
function biased(form: Form | undefined, bias: Form | undefined, axis: number | undefined): Sums | undefined {
  if (form?.kind !== 'sums' || form.low !== undefined || form.high !== undefined) return undefined
  if (bias?.kind !== 'quantized' || dtypeOf(bias.integers) !== 'int32' || onlyValue(bias.zero) !== 0)
    return undefined
  if (!form.scale.values || !bias.scale.values) return undefined
  const differences = combine(form.scale.values, bias.scale.values, (own, other) => Math.abs(other / own - 1))
  if (differences.some((difference) => !(difference < 1e-5))) return undefined
  const rank = shapeOf(form.products).length
  const shape = shapeOf(bias.integers)
  const at = axis ?? rank - shape.length
  const elements = elementsOf(bias.integers)
  const oneAxis = shape.every((extent, i) => i === 0 || extent === 1)
  if (elements && oneAxis && at === form.axis) {
    const offsets = combine(form.offsets ?? [0], Array.from(elements), (a, b) => a + b)
    return { ...form, offsets }
  }
  if (axis === undefined) return { ...form, products: add(form.products, bias.integers) }
  return { ...form, products: add(form.products, along(bias.integers, at, rank)) }
}

rules.set('nn.bias_add', (expr, forms) => {
  const [x, bias] = expr.args.map((arg) => forms.of(arg))
  const rank = shapeOf(expr).length
  return biased(x, bias, (int(expr.attrs, 'axis') + rank) % rank)
})
rules.set('add', (expr, forms): Sums | Addition | undefined => {
  const [left, right] = expr.args.map((arg) => forms.of(arg))
  if (isBytes(left) && isBytes(right)) {
    const scalars = [left.scale, left.zero, right.scale, right.zero].every(({ isScalar }) => isScalar)
    return scalars ? { kind: 'addition', terms: [left, right] } : undefined
  }
  return biased(left, right, undefined) ?? biased(right, left, undefined)
})

/** The mean is a sum with a smaller scale. */
function mean(expr: Call, forms: Forms, axes: readonly number[], keepdims: boolean): Sums | undefined {
  const form = forms.of(expr.args[0] as Expr)
  if (!isBytes(form) || !form.scale.values || !form.scale.isScalar || !form.zero.isScalar) return undefined
  const shape = shapeOf(form.integers)
  const count = axes.reduce((product, axis) => product * (shape[axis] as number), 1)
  const zero = onlyValue(form.zero)
  // 2**31 would be passed by larger sums.
  if (zero === undefined || count <= 0 || count > 2 ** 23) return undefined
  const sums = call('sum', [cast(form.integers, 'int32')], { axis: [...axes], keepdims, exclude: false })
  const scale = known(
    form.scale.values.map((value) => Math.fround(value / count)),
    'float32',
  )
  return { kind: 'sums', products: sums, offsets: [-zero * count], scale, axis: 0 }
}
rules.set('nn.global_avg_pool2d', (expr, forms) =>
  expr.attrs.get('layout') === 'NCHW' ? mean(expr, forms, [2, 3], true) : undefined,
)
rules.set('mean', (expr, forms) => {
  const rank = shapeOf(expr.args[0] as Expr).length
  const axes = ints(expr.attrs, 'axis').map((axis) => (axis + rank) % rank)
  if (axes.length === 0 || expr.attrs.get('exclude')) return undefined
  return mean(expr, forms, axes, Boolean(expr.attrs.get('keepdims')))
})
