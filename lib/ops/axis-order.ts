/**
 * Where the axes of `canonical` are in `layout`, both as letters such as `NCHW`; undefined unless one is a permutation of the other.
 */
export function axisOrder(layout: string, canonical: string): number[] | undefined {
  if (layout.length !== canonical.length) return undefined
  const order = [...canonical].map((axis) => layout.indexOf(axis))
  return order.includes(-1) ? undefined : order
}

/** The permutation that takes back what `order` does. */
export function inverse(order: readonly number[]): number[] {
  return order.map((_, axis) => order.indexOf(axis))
}
