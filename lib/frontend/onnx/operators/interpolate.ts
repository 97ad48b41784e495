import {
  abs,
  add,
  broadcastTo,
  cast,
  divide,
  emit,
  floor,
  greater,
  less,
  maximum,
  minimum,
  multiply,
  product,
  range,
  reshape,
  stored,
  subtract,
  where,
} from '../emit.js'
import { numbers, scalar, type Value } from '../value.js'

/** Moves places outside of an axis, given as floats, inside; undefined where what lies outside is zero. */
export type Border = ((place: Value, extent: number) => Value) | undefined

export const inside = (place: Value, extent: number) => minimum(maximum(place, 0), extent - 1)

/** Mirrors coordinates into [low, high]. */
export function reflect(place: Value, low: number, high: number): Value {
  const span = high - low
  if (span <= 0) return multiply(place, 0)
  const distance = abs(subtract(place, low))
  const turns = floor(divide(distance, span))
  const rest = subtract(distance, multiply(turns, span))
  const odd = greater(subtract(turns, multiply(floor(multiply(turns, 0.5)), 2)), 0.5)
  return where(odd, subtractFrom(high, rest), add(rest, low))
}

/** `subtract` with a number on the left. */
function subtractFrom(from: number, x: Value): Value {
  return subtract(scalar(from, x.dtype), x)
}

export interface Tap {
  /** Integral places on the axis, as floats: [batch, points]. */
  readonly place: Value
  readonly weight: Value | undefined
}

/**
 * The elements of `x` [batch, channels, ...spatial] at integral places, one [batch, points] of each spatial axis; zero where a
 * place is outside and there is no border: [batch, channels, points].
 */
function gather(x: Value, places: readonly Value[], border: Border): Value {
  const [batch, channels, ...spatial] = x.shape as [number, number, ...number[]]
  const moved = places.map((place, axis) => {
    const extent = spatial[axis] as number
    return inside(border ? border(place, extent) : place, extent)
  })
  const points = places[0]?.shape[1] ?? 0
  const flat = moved.reduce<Value | undefined>((sum, place, axis) => {
    const index = cast(place, 'int64')
    return sum ? add(multiply(sum, spatial[axis] as number), index) : index
  }, undefined) as Value
  const plane = product(spatial)
  const offsets = numbers(
    range(batch * channels).map((i) => i * plane),
    'int64',
    [batch, channels, 1],
  )
  const index = add(reshape(flat, [batch, 1, points]), offsets)
  const values = emit('take', [reshape(x, [product(x.shape)]), index], { mode: 'clip' })
  if (border) return values
  const valid = places
    .map((place, axis) =>
      emit('logical_and', [greater(place, -0.5), less(place, (spatial[axis] as number) - 0.5)]),
    )
    .reduce((a, b) => emit('logical_and', [a, b]))
  return where(
    broadcastTo(reshape(valid, [batch, 1, points]), [batch, channels, points]),
    values,
    scalar(0, values.dtype),
  )
}

/** The sum over all combinations of one tap an axis. */
export function interpolate(x: Value, taps: readonly (readonly Tap[])[], border: Border): Value {
  // Places and weights are the same for all channels.
  const once = taps.map((axis) =>
    axis.map(({ place, weight }) => ({ place: stored(place), weight: weight && stored(weight) })),
  )
  const combinations = once.reduce<Tap[][]>(
    (partial, axis) => partial.flatMap((chosen) => axis.map((tap) => [...chosen, tap])),
    [[]],
  )
  const terms = combinations.map((chosen) => {
    const values = gather(
      x,
      chosen.map(({ place }) => place),
      border,
    )
    const weights = chosen.flatMap(({ weight }) => (weight ? [weight] : []))
    if (weights.length === 0) return values
    const weight = weights.reduce(multiply)
    const [batch, points] = weight.shape as [number, number]
    return multiply(values, cast(reshape(weight, [batch, 1, points]), values.dtype))
  })
  return terms.reduce(add)
}

/** The two neighbours of a coordinate. */
export function linearTaps(coordinate: Value): Tap[] {
  const low = floor(coordinate)
  const share = subtract(coordinate, low)
  return [
    { place: low, weight: subtractFrom(1, share) },
    { place: add(low, 1), weight: share },
  ]
}

/** Keys' cubic kernel with this coefficient. */
const CUBIC = -0.75

export function cubicTaps(coordinate: Value): Tap[] {
  const low = floor(coordinate)
  const share = subtract(coordinate, low)
  // Horner's form of the kernel near (|d| <= 1) and far (1 < |d| < 2).
  const near = (d: Value) => add(multiply(multiply(subtract(multiply(d, CUBIC + 2), CUBIC + 3), d), d), 1)
  const far = (d: Value) =>
    subtract(multiply(add(multiply(subtract(multiply(d, CUBIC), 5 * CUBIC), d), 8 * CUBIC), d), 4 * CUBIC)
  return [
    { place: subtract(low, 1), weight: far(add(share, 1)) },
    { place: low, weight: near(share) },
    { place: add(low, 1), weight: near(subtractFrom(1, share)) },
    { place: add(low, 2), weight: far(subtractFrom(2, share)) },
  ]
}
