import {
  abs,
  add,
  cast,
  divide,
  emit,
  floor,
  lessEqual,
  maximum,
  minimum,
  multiply,
  padRank,
  stored,
  subtract,
  where,
} from '../emit.js'
import { countTo, type Extent, extentValue, takeAt } from '../extents.js'
import type { Value } from '../value.js'
import { numbers, OpenShape } from '../value.js'
import type { Interpolation } from './interpolation.js'

/** How an axis is resized of which a run says the extents. */
export interface OpenResize {
  readonly input: Extent
  readonly output: Extent
  /** Results an element of the input, float32 [1]. */
  readonly scale: Value
  /** What `output` is the whole part of, where a scale was given: float32 [1]. */
  readonly length: Value
}

const real = (extent: Extent) => cast(extentValue(extent), 'float32')
const half = 0.5

/** Where the places of the result lie on the input's axis, as floats (see `sourceCoordinate`). */
function coordinates({ input, output, scale, length }: OpenResize, mode: string): Value {
  const place = cast(countTo(output), 'float32')
  const centred = () => subtract(divide(add(place, half), scale), half)
  switch (mode) {
    case 'half_pixel':
      return centred()
    case 'pytorch_half_pixel':
      return where(emit('greater', [real(output), numbers([1], 'float32')]), centred(), 0)
    case 'half_pixel_symmetric': {
      const adjustment = divide(real(output), multiply(real(input), scale))
      const shift = multiply(multiply(real(input), half), subtract(numbers([1], 'float32'), adjustment))
      return add(centred(), shift)
    }
    case 'align_corners':
      // One element lies at 0, whatever it is divided by.
      return divide(
        multiply(place, subtract(real(input), 1)),
        where(emit('greater', [real(output), numbers([1], 'float32')]), subtract(length, 1), 1),
      )
    case 'asymmetric':
      return divide(place, scale)
    case 'tf_half_pixel_for_nn':
      return divide(add(place, half), scale)
    default:
      throw new OpenShape(`coordinate_transformation_mode '${mode}' needs extents that only a run knows`)
  }
}

function nearest(coordinate: Value, mode: string): Value {
  const up = (x: Value) => emit('ceil', [x])
  switch (mode) {
    case 'round_prefer_ceil':
      return floor(add(coordinate, half))
    case 'floor':
      return floor(coordinate)
    case 'ceil':
      return up(coordinate)
    default:
      return up(subtract(coordinate, half))
  }
}

/** Keys' cubic kernel with coefficient `a` at a distance. */
function cubic(distance: Value, a: number): Value {
  const d = abs(distance)
  const near = add(multiply(multiply(subtract(multiply(d, a + 2), a + 3), d), d), 1)
  const far = subtract(multiply(add(multiply(subtract(multiply(d, a), 5 * a), d), 8 * a), d), 4 * a)
  return where(lessEqual(d, 1), near, far)
}

/** Resizes one axis to an extent that only a run knows, or from one. */
export function resizeOpenAxis(x: Value, axis: number, resize: OpenResize, how: Interpolation): Value {
  if (how.antialias || how.excludeOutside)
    throw new OpenShape('antialias and exclude_outside need extents that only a run knows')
  const coordinate = stored(coordinates(resize, how.coordinates))
  const last = subtract(real(resize.input), 1)
  // Kernels of their own compute places and weights: within sums over two axes the library takes minutes to simplify them.
  const pick = (place: Value) => takeAt(x, stored(cast(minimum(maximum(place, 0), last), 'int64')), axis)
  if (how.mode === 'nearest') return pick(nearest(coordinate, how.nearest))
  const low = floor(coordinate)
  const share = subtract(coordinate, low)
  const along = (weight: Value) => padRank(stored(cast(weight, x.dtype)), x.rank - axis, true)
  const offsets = how.mode === 'linear' ? [0, 1] : [-1, 0, 1, 2]
  const terms = offsets.map((offset) => {
    const distance = subtract(share, offset)
    const weight =
      how.mode === 'linear'
        ? subtract(numbers([1], 'float32'), abs(distance))
        : cubic(distance, how.cubicCoefficient)
    return multiply(pick(add(low, offset)), along(weight))
  })
  return stored(terms.reduce(add))
}
