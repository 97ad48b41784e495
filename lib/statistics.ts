/** Order statistics of repeated measurements, in the measurements' own unit. */
export interface Summary {
  readonly median: number
  /** Distance between the quartiles. */
  readonly spread: number
  readonly min: number
  readonly max: number
  readonly count: number
}

/** @param values - At least one. */
export function summarize(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b)
  return {
    median: quantile(sorted, 0.5),
    spread: quantile(sorted, 0.75) - quantile(sorted, 0.25),
    min: sorted[0] as number,
    max: sorted.at(-1) as number,
    count: sorted.length,
  }
}

/**
 * The value below which a share of the sorted values lies, between two of them by linear interpolation (type 7 of Hyndman
 * and Fan, Sample Quantiles in Statistical Packages, 1996).
 */
export function quantile(sorted: readonly number[], share: number): number {
  const position = (sorted.length - 1) * share
  const below = sorted[Math.floor(position)] as number
  const above = sorted[Math.ceil(position)] as number
  return below + (above - below) * (position - Math.floor(position))
}

/** Factors average to this: half and double make one. */
export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)
}
