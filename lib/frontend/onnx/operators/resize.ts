import { add, cast, divide, floor, multiply, range, sliceAxis, takeAxis, where } from '../emit.js'
import { type Extent, extentOf, extentsIn, extentValue } from '../extents.js'
import type { OnnxNode } from '../node.js'
import { operator } from '../registry.js'
import { isFloat, numbers, scalar, type Value } from '../value.js'
import { type AxisResize, type Interpolation, sourceCoordinate, type Taps, tapsAt } from './interpolation.js'
import { resizeOpenAxis } from './resize-open.js'

/** Output elements outside of the input take this value, for tf_crop_and_resize. */
interface Extrapolation {
  readonly value: number
}

/** Resizes one axis: a weighted sum of as many gathers as the widest filter has taps. */
function resizeAxis(
  node: OnnxNode,
  x: Value,
  axis: number,
  resize: AxisResize,
  how: Interpolation,
  outside: Extrapolation,
): Value {
  const coordinates = range(resize.output).map(
    (at) =>
      sourceCoordinate(at, resize, how.coordinates) ??
      node.invalid(`coordinate_transformation_mode is '${how.coordinates}'`),
  )
  const taps = coordinates.map((coordinate) => tapsAt(coordinate, resize, how))
  const along = (values: readonly number[], dtype: Value['dtype']) =>
    numbers(values, dtype, [values.length, ...new Array<number>(x.rank - 1 - axis).fill(1)])
  const result =
    how.mode === 'nearest'
      ? takeAxis(
          x,
          taps.map(({ places }) => places[0] as number),
          axis,
        )
      : weightedSum(x, axis, taps, along)
  if (how.coordinates !== 'tf_crop_and_resize') return result
  const beyond = coordinates.map((coordinate) => (coordinate < 0 || coordinate > resize.input - 1 ? 1 : 0))
  return beyond.includes(1) ? where(along(beyond, 'bool'), scalar(outside.value, x.dtype), result) : result
}

function weightedSum(
  x: Value,
  axis: number,
  taps: readonly Taps[],
  along: (values: readonly number[], dtype: Value['dtype']) => Value,
): Value {
  const width = Math.max(...taps.map(({ places }) => places.length))
  const terms = range(width).flatMap((t) => {
    const weights = taps.map((tap) => tap.weights[t] ?? 0)
    if (weights.every((weight) => weight === 0)) return []
    const picked = takeAxis(
      x,
      taps.map(({ places }) => places[t] ?? 0),
      axis,
    )
    return weights.every((weight) => weight === 1) ? [picked] : [multiply(picked, along(weights, x.dtype))]
  })
  return terms.reduce((sum, term) => add(sum, term))
}

interface Request<T = readonly number[]> {
  readonly axes: readonly number[]
  readonly scales: T | undefined
  readonly sizes: T | undefined
  readonly roi: readonly number[] | undefined
}

/** As `resize`, where a run has to say extents, sizes or scales. */
function resizeOpen(
  node: OnnxNode,
  x: Value,
  { axes, scales, sizes }: Request<Value>,
  how: Interpolation,
): Value {
  const given = scales ?? sizes ?? node.invalid('it has neither scales nor sizes')
  if (given.dims[0] !== axes.length)
    node.invalid(`${given.dims[0]} scales or sizes do not fit ${axes.length} axes`)
  if (node.attrs.string('keep_aspect_ratio_policy', 'stretch') !== 'stretch')
    node.dynamic('keep_aspect_ratio_policy needs extents that only a run knows', [x, given])
  const exact = how.mode === 'nearest' || isFloat(x) ? x : cast(x, 'float32')
  const result = axes.reduce((value, axis, i) => {
    const input = extentOf(value, axis)
    const scale = scales?.numbers?.[i]
    if (scale === 1) return value
    const extent = (each: Extent) => cast(extentValue(each), 'float32')
    if (sizes) {
      const output = extentsIn(sizes)[i] as Extent
      if (output === input) return value
      const length = extent(output)
      return resizeOpenAxis(value, axis, { input, output, scale: divide(length, extent(input)), length }, how)
    }
    const factor = scale === undefined ? sliceAxis(given, 0, i, i + 1) : numbers([scale], 'float32')
    const length = multiply(extent(input), factor)
    // As where all is known, a product that should be whole may come out just below.
    const whole = cast(floor(add(length, 1e-5)), 'int64')
    const output = whole.numbers?.[0] ?? whole
    return resizeOpenAxis(value, axis, { input, output, scale: factor, length }, how)
  }, exact)
  return cast(result, x.dtype)
}

function resize(
  node: OnnxNode,
  x: Value,
  { axes, scales, sizes, roi }: Request,
  how: Interpolation,
  outside: Extrapolation,
): Value {
  const extents = axes.map((axis) => x.shape[axis] as number)
  const count = (scales ?? sizes)?.length
  if (count !== axes.length)
    return node.invalid(`${count ?? 0} scales or sizes do not fit ${axes.length} axes`)
  const policy = node.attrs.string('keep_aspect_ratio_policy', 'stretch')
  const ratios = sizes?.map((size, i) => size / (extents[i] as number))
  const common =
    policy === 'stretch' ? undefined : (policy === 'not_larger' ? Math.min : Math.max)(...(ratios ?? [1]))
  // Interpolation is in floats, also between integers.
  const exact = how.mode === 'nearest' || isFloat(x) ? x : cast(x, 'float32')
  const result = axes.reduce((value, axis, i) => {
    const input = extents[i] as number
    const size = common === undefined ? sizes?.[i] : undefined
    const scale = scales?.[i] ?? common ?? (ratios?.[i] as number)
    const length = size ?? input * scale
    // Scales are single precision; a product that should be whole may come out just below.
    const output = size ?? (scales ? Math.floor(length + 1e-5) : Math.round(length))
    const region: [number, number] = [roi?.[i] ?? 0, roi?.[i + axes.length] ?? 1]
    const cropped = how.coordinates === 'tf_crop_and_resize'
    if (output === input && scale === 1 && !cropped) return value
    if (!(output >= 1)) return node.invalid(`axis ${axis} would have ${output} elements`)
    return resizeAxis(node, value, axis, { input, output, length, scale, roi: region }, how, outside)
  }, exact)
  return cast(result, x.dtype)
}

function readInterpolation(node: OnnxNode, defaults: Pick<Interpolation, 'coordinates'>): Interpolation {
  const { attrs } = node
  const mode = attrs.string('mode', 'nearest')
  const known = mode === 'bilinear' ? 'linear' : mode
  if (known !== 'nearest' && known !== 'linear' && known !== 'cubic') return node.invalid(`mode is '${mode}'`)
  return {
    mode: known,
    coordinates: attrs.string('coordinate_transformation_mode', defaults.coordinates),
    nearest: attrs.string('nearest_mode', 'round_prefer_floor'),
    cubicCoefficient: attrs.float('cubic_coeff_a', -0.75),
    excludeOutside: attrs.flag('exclude_outside'),
    antialias: attrs.flag('antialias'),
  }
}

/** An optional input; undefined also when it is empty, which means absent. */
function optional(value: Value | undefined): Value | undefined {
  return value?.dims[0] === 0 ? undefined : value
}

function upsample(node: OnnxNode, x: Value, scales: Value): Value {
  const how = { ...readInterpolation(node, { coordinates: 'asymmetric' }), nearest: 'floor' }
  return resizeBy(node, x, { axes: range(x.rank), scales, sizes: undefined, roi: undefined }, how, {
    value: 0,
  })
}

function resizeBy(
  node: OnnxNode,
  x: Value,
  request: Request<Value>,
  how: Interpolation,
  outside: Extrapolation,
): Value {
  const { scales, sizes } = request
  const isKnown = [scales, sizes].every((value) => !value || value.isConstant)
  if (node.open && (x.isOpen || !isKnown)) return resizeOpen(node, x, request, how)
  const known = (value: Value | undefined, role: string) => value && node.numbers(value, role)
  const numbersOf = { ...request, scales: known(scales, 'scales'), sizes: known(sizes, 'sizes') }
  return resize(node, x, numbersOf, how, outside)
}

operator('Upsample', {
  since: 7,
  required: 1,
  convert: (node, [x]) => upsample(node, x, numbers(node.attrs.floats('scales'), 'float32')),
})
for (const [name, since] of [
  ['Upsample', 9],
  ['Resize', 10],
] as const) {
  operator(name, {
    since,
    required: 2,
    convert: (node, [x, scales]) => upsample(node, x, scales),
  })
}

operator('Resize', {
  since: 11,
  required: 1,
  convert(node, [x, roi, scales, sizes]) {
    const axes = node.attrs.ints('axes', range(x.rank)).map((axis) => node.axis(axis, x.rank))
    const given = optional(sizes)
    const region = optional(roi)
    const cropped = node.attrs.string('coordinate_transformation_mode', '') === 'tf_crop_and_resize'
    return resizeBy(
      node,
      x,
      {
        axes,
        sizes: given,
        scales: given ? undefined : optional(scales),
        roi: region && cropped ? node.numbers(region, 'roi') : undefined,
      },
      readInterpolation(node, { coordinates: 'half_pixel' }),
      { value: node.attrs.float('extrapolation_value', 0) },
    )
  },
})
