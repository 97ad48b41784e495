/** The indices of element number `flat`, in row-major order, of a tensor of `shape`. */
export function unravel(flat: number, shape: readonly number[]): number[] {
  let rest = flat
  return [...shape]
    .reverse()
    .map((extent) => {
      const i = rest % extent
      rest = Math.floor(rest / extent)
      return i
    })
    .reverse()
}
