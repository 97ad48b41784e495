import { type Call, Constant, call, constant, dtypeOf, type Expr, shapeOf } from '../../ir/relay.js'
import { ints, text } from '../../ops/attrs.js'
import type { TvmObject } from '../../runtime/index.js'
import { add, cast, multiply, subtract } from './arithmetic.js'
import { type Quantized, type Sums, settled, signed, unsigned } from './form.js'
import { along, combine, known, onlyValue, type Parameter, parameter, vector } from './parameter.js'

/** Operands of a sum of products: data by weights, each an integer minus its zero point. */
interface Operands {
  readonly data: Quantized
  readonly weight: Quantized
}

/**
 * Puts operands into the types that a target multiplies: on x86 unsigned data and signed weights, for `vpdpbusd`; elsewhere
 * as they are.
 */
function typed({ data, weight }: Operands, mixed: boolean): Operands {
  return mixed ? { data: unsigned(data), weight: signed(weight) } : { data, weight }
}

/** Attributes of a convolution, by name. */
function convolutionAttrs(attrs: TvmObject): Record<string, number | string | number[]> {
  const channels = attrs.get('channels')
  return {
    strides: ints(attrs, 'strides'),
    padding: ints(attrs, 'padding'),
    dilation: ints(attrs, 'dilation'),
    groups: Number(attrs.get('groups')),
    ...(channels === null ? {} : { channels: Number(channels) }),
    kernel_size: ints(attrs, 'kernel_size'),
    data_layout: text(attrs, 'data_layout'),
    kernel_layout: text(attrs, 'kernel_layout'),
    out_dtype: 'int32',
  }
}

/**
 * A convolution of any rank in the plain layouts as integer sums. With zero points zx and zw,
 * sum((x - zx) (w - zw)) = sum(x w) - zx sum(w) - zw sum(x) + n zx zw; what is known of it at compile time is added up in one
 * vector. Borders are filled with zx, so that they count as zeros.
 */
export function convolve(expr: Call, name: string, operands: Operands, mixed: boolean): Sums | undefined {
  const { data, weight } = typed(operands, mixed)
  const named = convolutionAttrs(expr.attrs)
  const shape = shapeOf(weight.integers)
  if (!String(named.data_layout).startsWith('NC') || !String(named.kernel_layout).startsWith('OI'))
    return undefined
  if (!data.scale.isScalar || !data.zero.isScalar || !alongAxis(weight, 0)) return undefined
  const weightZeros = weight.zero.values
  if (!weightZeros || (named.groups !== 1 && weightZeros.some((zero) => zero !== 0))) {
    const centred = { ...weight, integers: centre(weight), zero: known([0], 'int32') }
    return convolve16(name, named, data, centred)
  }
  const x = padded(data, named)
  const inner = {
    ...named,
    padding: (named.padding as number[]).map((extent) => (x === data.integers ? extent : 0)),
  }
  let sums: Expr = call(name, [x, weight.integers], inner)
  const window = shape.slice(1).reduce((total, extent) => total * extent, 1)
  const reduced = shape.map((_, i) => i).slice(1)
  if (weightZeros.some((zero) => zero !== 0)) {
    // Filters of nothing but the zero point: a product would be folded into the weights by FoldScaleAxis, and not fit there.
    const filters = uniform(weightZeros, shape.slice(1), dtypeOf(weight.integers))
    sums = subtract(sums, call(name, [x, filters], { ...inner, channels: weightZeros.length }))
  }
  return corrected(sums, data, weight, { axes: reduced, count: window, axis: 1 })
}

/** Convolution with weights whose zero point is taken off already, which takes more than 8 bits. */
function convolve16(
  name: string,
  attrs: Record<string, number | string | number[]>,
  data: Quantized,
  weight: Quantized,
): Sums {
  const x = padded(data, attrs)
  const inner = {
    ...attrs,
    padding: (attrs.padding as number[]).map((extent) => (x === data.integers ? extent : 0)),
  }
  const shape = shapeOf(weight.integers)
  const reduced = shape.map((_, i) => i).slice(1)
  const sums = call(name, [cast(x, 'int16'), weight.integers], inner)
  return corrected(sums, data, weight, { axes: reduced, count: 0, axis: 1 })
}

/** Rows [M, K] by weights [N, K] as integer sums [M, N]. */
export function dense(operands: Operands, mixed: boolean): Sums | undefined {
  const { data, weight } = typed(operands, mixed)
  if (!data.scale.isScalar || !data.zero.isScalar || !alongAxis(weight, 0)) return undefined
  const [units, depth] = shapeOf(weight.integers) as [number, number]
  let sums: Expr = call('nn.dense', [data.integers, weight.integers], { units, out_dtype: 'int32' })
  if (onlyValue(weight.zero) !== 0) {
    const rows = total(data.integers, [1], true)
    sums = subtract(sums, multiply(rows, along(cast(weight.zero.expr, 'int32'), 1, 2)))
  }
  return corrected(sums, data, weight, { axes: [1], count: depth, axis: 1 })
}

/** Batches of products a [B, M, K] by b [B, N, K] as integer sums [B, M, N]; zero points are scalars. */
export function batchMatmul(expr: Call, operands: Operands, mixed: boolean): Sums | undefined {
  const { data, weight } = typed(operands, mixed)
  const { attrs } = expr
  if (attrs.get('transpose_a') || !attrs.get('transpose_b')) return undefined
  if (![data, weight].every(({ scale, zero }) => scale.isScalar && zero.isScalar)) return undefined
  let sums: Expr = call('nn.batch_matmul', [data.integers, weight.integers], {
    out_dtype: 'int32',
    transpose_a: false,
    transpose_b: true,
  })
  const depth = shapeOf(data.integers)[2] as number
  const [zx, zw] = [data.zero, weight.zero]
  if (onlyValue(zx) !== 0) {
    const columns = call('expand_dims', [total(weight.integers, [2], false)], { axis: 1, num_newaxis: 1 })
    sums = subtract(sums, multiply(columns, cast(zx.expr, 'int32')))
  }
  if (onlyValue(zw) !== 0)
    sums = subtract(sums, multiply(total(data.integers, [2], true), cast(zw.expr, 'int32')))
  if (onlyValue(zx) !== 0 && onlyValue(zw) !== 0) {
    const both = multiply(multiply(cast(zx.expr, 'int32'), cast(zw.expr, 'int32')), constant(depth, 'int32'))
    sums = add(sums, both)
  }
  return { kind: 'sums', products: sums, scale: product(data.scale, weight.scale), axis: 2 }
}

/** Whether vectors of the weights' parameters, if any, run along `axis`. */
function alongAxis({ scale, zero, axis }: Quantized, wanted: number): boolean {
  return (scale.isScalar && zero.isScalar) || axis === wanted
}

/** Weights minus their zero points, in 16 bits. */
function centre({ integers, zero, axis }: Quantized): Expr {
  const zeros = along(cast(zero.expr, 'int16'), axis, shapeOf(integers).length)
  return settled(subtract(cast(integers, 'int16'), settled(zeros, zero.expr)), integers)
}

/** The data with its border: left to the convolution where zero stands for zero. */
function padded(data: Quantized, attrs: Record<string, number | string | number[]>): Expr {
  const padding = attrs.padding as number[]
  const zero = onlyValue(data.zero)
  if (zero === 0 || padding.every((extent) => extent === 0)) return data.integers
  const spatial = shapeOf(data.integers).length - 2
  const before = Array.from({ length: spatial }, (_, i) => padding[padding.length === 1 ? 0 : i] as number)
  const after = padding.length === 2 * spatial ? padding.slice(spatial) : before
  // Of a type that becomes part of the code.
  const value = zero === undefined ? cast(data.zero.expr, 'int32') : constant(zero, 'int32')
  return call('nn.pad', [data.integers, value], {
    pad_width: [[0, 0], [0, 0], ...before.map((extent, i) => [extent, after[i] as number])],
    pad_mode: 'constant',
  })
}

interface Reduction {
  /** The weights' axes that are summed over. */
  readonly axes: readonly number[]
  /** How many products are summed, of weights whose zero point is not taken off. */
  readonly count: number
  /** The axis of output channels. */
  readonly axis: number
}

/** Adds -zx sum(w) + n zx zw, one number an output channel. */
function corrected(
  products: Expr,
  data: Quantized,
  weight: Quantized,
  { axes, count, axis }: Reduction,
): Sums {
  const form: Sums = { kind: 'sums', products, scale: product(data.scale, weight.scale), axis }
  const zx = onlyValue(data.zero)
  if (zx === 0) return form
  const zw = weight.zero.values
  const sums = weightSums(weight.integers)
  if (zx !== undefined && zw && sums) {
    return { ...form, offsets: combine(sums, zw, (sum, zero) => zx * (count * zero - sum)) }
  }
  const perChannel = sums ? vector(sums, 'int32') : total(weight.integers, axes, false)
  const zeros = multiply(cast(weight.zero.expr, 'int32'), constant(count, 'int32'))
  const difference =
    onlyValue(weight.zero) === 0 ? call('negative', [perChannel]) : subtract(zeros, perChannel)
  const correction = multiply(difference, cast(data.zero.expr, 'int32'))
  return { ...form, products: add(products, along(correction, axis, shapeOf(products).length)) }
}

/** Sums of constant weights, one for each index of their first axis. */
function weightSums(weight: Expr): number[] | undefined {
  if (!(weight instanceof Constant)) return undefined
  const { data, shape } = weight.data.toTensor()
  const filters = shape[0] as number
  const values = data as ArrayLike<number>
  const each = values.length / filters
  return Array.from({ length: filters }, (_, filter) => {
    let sum = 0
    for (let i = 0; i < each; i++) sum += values[filter * each + i] as number
    return sum
  })
}

function total(x: Expr, axes: readonly number[], keepdims: boolean): Expr {
  return call('sum', [cast(x, 'int32')], { axis: [...axes], keepdims, exclude: false })
}

/** A filter for each of `values`, of nothing but this number. */
function uniform(values: readonly number[], shape: readonly number[], dtype: string): Expr {
  const size = shape.reduce((product, extent) => product * extent, 1)
  const data = new (dtype === 'int8' ? Int8Array : Uint8Array)(values.length * size)
  for (const [i, value] of values.entries()) data.fill(value, i * size, (i + 1) * size)
  return constant({ dtype: dtype as 'int8', shape: [values.length, ...shape], data })
}

/** The scale of products, rounded to float32 as ONNX Runtime does. */
function product(a: Parameter, b: Parameter): Parameter {
  if (a.values && b.values)
    return known(
      combine(a.values, b.values, (x, y) => Math.fround(x * y)),
      'float32',
    )
  return parameter(multiply(a.expr, b.expr))
}
