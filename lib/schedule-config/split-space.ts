import { type KnobSpace, type Split, split } from './knob.js'
import { unionInPythonOrder } from './python-set.js'

export interface SplitOptions {
  /** Loops that the axis becomes; default 2. */
  readonly outputs?: number
  /**
   * `factors` (default): divisors, so that nothing is left over. `power2`: powers of two. `verbose`: both. The last two may
   * leave a narrower last step.
   */
  readonly policy?: 'factors' | 'power2' | 'verbose'
  /** The largest factor; default none. */
  readonly maxFactor?: number
  /** Keeps the splits for which it holds. */
  readonly filter?: (split: Split) => boolean
  /** Whether only splits that leave nothing over are kept; default so for `factors`. */
  readonly noTail?: boolean
  /** These splits and no others. */
  readonly candidates?: readonly (readonly number[])[]
}

/**
 * All ways to split an axis of `length`, in the order of TVM's own enumeration: the second factor runs fastest, the innermost
 * slowest (TVM v0.18, python/tvm/autotvm/task/space.py, SplitSpace).
 */
export function splitSpace(length: number, options: SplitOptions = {}): KnobSpace {
  const { outputs = 2, policy = 'factors', filter = () => true } = options
  if (options.candidates) return options.candidates.map((factors) => split(...factors)).filter(filter)
  const most = options.maxFactor ?? Number.POSITIVE_INFINITY
  const factors = candidateFactors(length, policy).filter((factor) => factor <= most)
  const noTail = options.noTail ?? policy === 'factors'
  const found: Split[] = []
  const inner = new Array<number>(outputs - 1)
  const enumerate = (position: number, product: number) => {
    if (position < 0) {
      const fits = length % product === 0 || (!noTail && product < length)
      if (product <= length && fits) found.push(split(-1, ...inner))
      return
    }
    for (const factor of factors) {
      if (product * factor > length) continue
      inner[position] = factor
      enumerate(position - 1, product * factor)
    }
  }
  enumerate(outputs - 2, 1)
  return found.filter(filter)
}

function candidateFactors(length: number, policy: NonNullable<SplitOptions['policy']>): number[] {
  if (policy === 'factors') return divisors(length)
  const powers = powersOfTwo(length)
  return policy === 'power2' ? powers : unionInPythonOrder(divisors(length), powers)
}

/** Divisors of `n`, ascending. */
export function divisors(n: number): number[] {
  const small: number[] = []
  const large: number[] = []
  for (let d = 1; d * d <= n; d++) {
    if (n % d !== 0) continue
    small.push(d)
    if (d * d !== n) large.push(n / d)
  }
  return [...small, ...large.reverse()]
}

function powersOfTwo(n: number): number[] {
  const powers: number[] = []
  for (let power = 1; power <= n; power *= 2) powers.push(power)
  return powers
}
