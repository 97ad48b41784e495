/** Which input elements make an output element of one axis, and with what weights. */
export interface Taps {
  readonly places: readonly number[]
  readonly weights: readonly number[]
}

export interface AxisResize {
  readonly input: number
  readonly output: number
  /** The output's extent before it was rounded to `output`. */
  readonly length: number
  /** What the model asks for; may differ from output / input where that was rounded. */
  readonly scale: number
  /** Region of interest as shares of the input, for tf_crop_and_resize. */
  readonly roi: readonly [number, number]
}

export interface Interpolation {
  readonly mode: 'nearest' | 'linear' | 'cubic'
  readonly coordinates: string
  readonly nearest: string
  readonly cubicCoefficient: number
  readonly excludeOutside: boolean
  readonly antialias: boolean
}

/** Where output element `x` lies on the input's axis (ONNX, operator Resize); undefined for an unknown mode. */
export function sourceCoordinate(
  x: number,
  { input, output, length, scale, roi }: AxisResize,
  mode: string,
): number | undefined {
  switch (mode) {
    case 'half_pixel':
      return (x + 0.5) / scale - 0.5
    case 'half_pixel_symmetric': {
      const adjustment = output / length
      return (input / 2) * (1 - adjustment) + (x + 0.5) / scale - 0.5
    }
    case 'pytorch_half_pixel':
      return output > 1 ? (x + 0.5) / scale - 0.5 : 0
    case 'align_corners':
      return output === 1 ? 0 : (x * (input - 1)) / (length - 1)
    case 'asymmetric':
      return x / scale
    case 'tf_half_pixel_for_nn':
      return (x + 0.5) / scale
    case 'tf_crop_and_resize':
      if (output > 1) return roi[0] * (input - 1) + (x * (roi[1] - roi[0]) * (input - 1)) / (length - 1)
      return 0.5 * (roi[0] + roi[1]) * (input - 1)
    default:
      return undefined
  }
}

function nearestPlace(coordinate: number, mode: string): number {
  switch (mode) {
    case 'round_prefer_ceil':
      return Math.floor(coordinate + 0.5)
    case 'floor':
      return Math.floor(coordinate)
    case 'ceil':
      return Math.ceil(coordinate)
    default:
      return Math.ceil(coordinate - 0.5)
  }
}

/** Keys' cubic kernel with coefficient `a`. */
function cubic(distance: number, a: number): number {
  const d = Math.abs(distance)
  if (d <= 1) return (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1
  return d < 2 ? a * d ** 3 - 5 * a * d ** 2 + 8 * a * d - 4 * a : 0
}

/** The taps at a place on the input's axis. */
export function tapsAt(coordinate: number, axis: AxisResize, how: Interpolation): Taps {
  const inside = (place: number) => Math.min(Math.max(place, 0), axis.input - 1)
  if (how.mode === 'nearest') return { places: [inside(nearestPlace(coordinate, how.nearest))], weights: [1] }
  const kernel =
    how.mode === 'linear'
      ? (d: number) => Math.max(1 - Math.abs(d), 0)
      : (d: number) => cubic(d, how.cubicCoefficient)
  // A filter for fewer output than input elements is as wide as the elements it covers.
  const stretch = how.antialias ? Math.min(axis.scale, 1) : 1
  const radius = (how.mode === 'linear' ? 1 : 2) / stretch
  const first = Math.floor(coordinate - radius) + 1
  const last = Math.ceil(coordinate + radius) - 1
  const places: number[] = []
  const weights: number[] = []
  for (let place = first; place <= Math.max(last, first); place++) {
    const outside = place < 0 || place >= axis.input
    places.push(inside(place))
    weights.push(outside && how.excludeOutside ? 0 : kernel((place - coordinate) * stretch))
  }
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return { places, weights: weights.map((weight) => weight / total) }
}
