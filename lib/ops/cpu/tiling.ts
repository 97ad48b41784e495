import type { Target } from '../../ir/target.js'
import { largestDivisor } from './schedule-util.js'

/** How a convolution's accumulators are laid out in registers. */
export interface RegisterTile {
  /** Output columns computed together. */
  readonly columns: number
  /** Output channels computed together: whole vectors where the block allows. */
  readonly channels: number
}

/**
 * Channels per block of the `NCHW[x]c` layout. The same rule for inputs and outputs, so that neighbours agree on a layout
 * and no conversion stands between them.
 */
export function channelBlock(channels: number, target: Target): number {
  const lanes = target.simdLanes32
  for (const block of [2 * lanes, lanes, lanes / 2]) if (channels % block === 0) return block
  return largestDivisor(channels, 2 * lanes)
}

/**
 * Chooses accumulators by what a step costs: per multiply-add the loads it needs (one broadcast a column, one vector of
 * weights a channel vector), the latency that too few independent sums leave open, and spills beyond the registers.
 */
export function registerTile(width: number, block: number, target: Target, depthwise = false): RegisterTile {
  const lanes = Math.min(target.simdLanes32, block)
  const registers = target.simdLanes32 === 16 ? 32 : 16
  let best: RegisterTile = { columns: 1, channels: block }
  let least = Number.POSITIVE_INFINITY
  const whole = block % lanes === 0
  // Depthwise sums share no input, so that whole blocks, read in one go, are best.
  const vectorCounts = !whole ? [1] : depthwise ? [block / lanes] : divisors(block / lanes)
  for (const vectors of vectorCounts) {
    for (const columns of divisors(width)) {
      const sums = vectors * columns
      const loads = (columns + vectors) / sums
      const latency = 10 / sums
      const needed = sums + vectors + (depthwise ? 0 : 1)
      const spill = needed > registers ? 1.6 * (needed / registers) : 1
      const cost = Math.max(1, loads, latency) * spill + 1e-3 * loads
      if (cost < least) {
        least = cost
        best = { columns, channels: whole ? vectors * lanes : block }
      }
    }
  }
  return best
}

export function divisors(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i + 1).filter((d) => n % d === 0)
}
