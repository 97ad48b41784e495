import { elementsOf } from '../compare.js'
import { TvmNodeError } from '../errors.js'
import type { Tensor } from '../tensor.js'

/** How far an output of the deployed network is from the reference, over all batches. */
export interface OutputMetrics {
  /** Mean of the squared differences. */
  readonly mse: number
  readonly max_abs_error: number
  /** 1 - cos of the angle between all values of both, 0 when they agree in direction, at most 2. */
  readonly cosine_distance: number
  /** Power of the reference over that of the error, in dB; Infinity without error. */
  readonly sqnr_db: number
  /**
   * Share of places whose largest value is in the same class, the classes lying along axis 1; absent for outputs without
   * classes.
   */
  readonly top1_agreement?: number
  /** Values of the deployed network that are no numbers. */
  readonly nan: number
  /** Values of the deployed network that are infinite. */
  readonly infinite: number
  /** Values compared. */
  readonly count: number
}

/** Gathers the differences of one output, in float64. Values that are no numbers make the sums so. */
export class OutputError {
  private count = 0
  private squared = 0
  private largest = 0
  private dot = 0
  private power = 0
  private ownPower = 0
  private nan = 0
  private infinite = 0
  private places = 0
  private agreeing = 0

  constructor(private readonly name: string) {}

  /** @throws `ERR_INPUT` when shapes differ or there are no numbers to compare. */
  add(actual: Tensor, expected: Tensor): void {
    if (`${actual.shape}` !== `${expected.shape}`) {
      throw new TvmNodeError(
        'ERR_INPUT',
        `output '${this.name}' has shape [${actual.shape}], its reference [${expected.shape}]`,
        { details: { name: this.name, actual: actual.shape, expected: expected.shape } },
      )
    }
    const [own, reference] = [numbers(actual, this.name), numbers(expected, this.name)]
    for (let i = 0; i < own.length; i++) {
      const [y, r] = [own[i] as number, reference[i] as number]
      const difference = y - r
      this.squared += difference * difference
      this.dot += y * r
      this.power += r * r
      this.ownPower += y * y
      const size = Math.abs(difference)
      if (size > this.largest || Number.isNaN(size)) this.largest = size
      if (Number.isNaN(y)) this.nan++
      else if (!Number.isFinite(y)) this.infinite++
    }
    this.count += own.length
    this.compareClasses(own, reference, actual.shape)
  }

  private compareClasses(
    own: ArrayLike<number>,
    reference: ArrayLike<number>,
    shape: readonly number[],
  ): void {
    const [samples = 0, classes = 0, ...rest] = shape
    if (shape.length < 2 || classes < 2) return
    const inner = rest.reduce((product, extent) => product * extent, 1)
    for (let sample = 0; sample < samples; sample++) {
      for (let place = 0; place < inner; place++) {
        const start = sample * classes * inner + place
        this.places++
        const best = top(own, start, inner, classes)
        if (best >= 0 && best === top(reference, start, inner, classes)) this.agreeing++
      }
    }
  }

  get metrics(): OutputMetrics {
    const { count, squared, power, ownPower, dot, places } = this
    const norms = Math.sqrt(power * ownPower)
    return {
      mse: squared / count,
      max_abs_error: this.largest,
      cosine_distance: norms === 0 ? (power === ownPower ? 0 : 1) : 1 - dot / norms,
      sqnr_db: 10 * Math.log10(squared === 0 ? Number.POSITIVE_INFINITY : power / squared),
      ...(places > 0 && { top1_agreement: this.agreeing / places }),
      nan: this.nan,
      infinite: this.infinite,
      count,
    }
  }
}

/** The class with the largest value, the first of equals; -1 where one is no number. */
function top(values: ArrayLike<number>, start: number, stride: number, classes: number): number {
  let best = 0
  for (let i = 0; i < classes; i++) {
    const value = values[start + i * stride] as number
    if (Number.isNaN(value)) return -1
    if (value > (values[start + best * stride] as number)) best = i
  }
  return best
}

function numbers(tensor: Tensor, name: string): ArrayLike<number> {
  const values = elementsOf(tensor)
  const [first] = values as unknown[]
  if (typeof first === 'bigint') return Array.from(values as ArrayLike<bigint>, Number)
  if (typeof first === 'string' || /^(u?int4|complex|float8)/.test(tensor.dtype)) {
    throw new TvmNodeError('ERR_INPUT', `output '${name}' of ${tensor.dtype} cannot be compared in numbers`)
  }
  return values as ArrayLike<number>
}
