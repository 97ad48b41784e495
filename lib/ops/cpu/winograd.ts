/** Rows of the window for which there is such an algorithm here. */
export const TAPS = 3

/** Second-level cache of a core, of which weights may take half. */
const SECOND_LEVEL = 2 ** 20
/** Multiply-adds in the time of a byte that goes to a near cache or comes from there, and of one from further away. */
const NEAR = 1.75
const FAR = 7
/** What the shorter way must save. */
const LEAST_GAIN = 1.2

export interface WinogradCase {
  readonly batch: number
  readonly inputs: number
  readonly filters: number
  readonly height: number
  readonly width: number
}

/** The number of tiles of `m` by `m` outputs along each axis. */
export function tileCounts({ height, width }: WinogradCase, m: number): [rows: number, columns: number] {
  return [Math.ceil(height / m), Math.ceil(width / m)]
}

/**
 * Outputs a side of a tile for which a convolution of 3x3 windows takes least time; undefined where it is fastest as it is
 * written. Counted are multiply-adds, the transformed data and sums that are written and read again, and weights, of which there are
 * more.
 */
export function winogradTile(shape: WinogradCase): number | undefined {
  const { batch, inputs, filters, height, width } = shape
  const weights = (taps: number) => {
    const bytes = 4 * taps * inputs * filters
    return bytes * (bytes > SECOND_LEVEL ? FAR : NEAR / 2)
  }
  const direct = batch * height * width * TAPS ** 2 * inputs * filters + weights(TAPS ** 2)
  let best: { tile: number; cost: number } | undefined
  for (const tile of [2, 4]) {
    const products = (tile + TAPS - 1) ** 2
    const tiles = tileCounts(shape, tile).reduce((product, count) => product * count, batch)
    const moved = 2 * 4 * products * tiles * (inputs + filters)
    const cost = products * tiles * inputs * filters + NEAR * moved + weights(products)
    if (!best || cost < best.cost) best = { tile, cost }
  }
  return best && direct >= LEAST_GAIN * best.cost ? best.tile : undefined
}
