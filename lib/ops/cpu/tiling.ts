import type { Target } from '../../ir/target.js'
import { divisors } from '../../schedule-config/split-space.js'
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

/** Sums that must be in flight to hide the latency of a multiply-add: 4 or 5 cycles, two a cycle. */
const SUMS_IN_FLIGHT = 10

export interface TileCase {
  /** Output columns of a row. */
  readonly width: number
  /** Output channels of a block. */
  readonly block: number
  readonly depthwise?: boolean
  /** Columns that are given; else those are chosen that cost least. */
  readonly columns?: number
  /** Widths that are possible; default all. */
  readonly fits?: (columns: number) => boolean
  /** Lanes of the vectors; default those of the target. */
  readonly lanes?: number
  /** Registers that a step needs beside sums, weights and an input; default none. */
  readonly scratch?: number
}

/**
 * Chooses the accumulators by counting cycles of the innermost loops over a row of `width` columns. A step issues two
 * multiply-adds and two loads a cycle at best and cannot be shorter than their latency; sums, one vector of weights a channel
 * vector and a broadcast input must fit the registers. The last tile of a row may be narrower than the others, since the
 * loop over tiles is partitioned (`tir.LoopPartition`), and costs what its few sums cost.
 */
export function registerTile(
  { width, block, depthwise = false, columns: given, fits = () => true, scratch = 0, ...vectors }: TileCase,
  target: Target,
): RegisterTile {
  const lanes = vectors.lanes ?? target.simdLanes32
  const registers = (target.simdLanes32 === 16 ? 32 : 16) - scratch
  const whole = block % lanes === 0
  // Depthwise sums share no input, so that whole blocks, read in one go, are best.
  const vectorCounts = !whole
    ? [Math.ceil(block / lanes)]
    : depthwise
      ? [block / lanes]
      : divisors(block / lanes)
  let best: RegisterTile = {
    columns: given ?? 1,
    channels: given !== undefined && whole && !depthwise ? lanes : block,
  }
  let least = Number.POSITIVE_INFINITY
  for (const vectors of vectorCounts) {
    const step = (columns: number) => {
      const sums = vectors * columns
      const loads = depthwise ? sums + vectors : columns + vectors
      return Math.max(sums, loads, SUMS_IN_FLIGHT) + loads / 100
    }
    // Inputs that neighbouring depthwise columns share take registers as well: half of them are left for sums.
    const held = depthwise ? registers / 2 : Math.min(vectors, 2) + 1
    for (let columns = given ?? 1; columns <= (given ?? width); columns++) {
      if (vectors * columns + held > registers) break
      const tail = width % columns
      if (!fits(columns)) continue
      const cycles = (Math.floor(width / columns) * step(columns) + (tail > 0 ? step(tail) : 0)) / vectors
      if (cycles < least) {
        least = cycles
        best = { columns, channels: whole ? vectors * lanes : block }
      }
    }
  }
  return best
}

/**
 * The same rule for tensors of bytes, of which instructions multiply four neighbouring channels: a multiple of four; 0 where
 * there is none.
 */
export function byteChannelBlock(channels: number, target: Target): number {
  const most = 2 * target.simdLanes32
  for (const block of [most, most / 2, most / 4]) if (channels % block === 0) return block
  return divisors(channels).findLast((d) => d <= most && d % 4 === 0) ?? 0
}
