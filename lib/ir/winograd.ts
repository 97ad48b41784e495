/** The matrices of F(m, r): `m` outputs of a filter of `r` taps from `m + r - 1` products. */
export interface WinogradMatrices {
  /** Sums of products that make each output, [m][m + r - 1]. */
  readonly output: readonly (readonly number[])[]
  /** What is multiplied: of the inputs, [m + r - 1][m + r - 1], and of the filter, [m + r - 1][r]. */
  readonly input: readonly (readonly number[])[]
  readonly filter: readonly (readonly number[])[]
}

/** Points at which polynomials are evaluated, besides infinity: those of the smallest rounding errors. */
const POINTS = [0, -1, 1, 0.5, -2]

/** Coefficients of the product of (x - root), lowest first. */
function fromRoots(roots: readonly number[]): number[] {
  let polynomial = [1]
  for (const root of roots)
    polynomial = Array.from(
      { length: polynomial.length + 1 },
      (_, i) => (polynomial[i - 1] ?? 0) - root * (polynomial[i] ?? 0),
    )
  return polynomial
}

/** Toom-Cook's algorithm, transposed (Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015). */
export function winogradMatrices(m: number, r: number): WinogradMatrices {
  const size = m + r - 1
  const points = POINTS.slice(0, size - 1)
  const others = (j: number) => points.filter((_, i) => i !== j)
  const filled = (row: readonly number[]) => Array.from({ length: size }, (_, i) => row[i] ?? 0)
  const powers = (length: number) =>
    Array.from({ length }, (_, power) => [...points.map((at) => at ** power), power === length - 1 ? 1 : 0])
  const scale = points.map((at, j) => others(j).reduce((product, other) => product * (at - other), 1))
  const filter = powers(r)
  return {
    output: powers(m),
    input: [...points.map((_, j) => filled(fromRoots(others(j)))), fromRoots(points)],
    filter: Array.from({ length: size }, (_, j) => filter.map((row) => (row[j] as number) / (scale[j] ?? 1))),
  }
}
