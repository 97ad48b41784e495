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
 * Channels per block of the `NCHW[x]c` layout: whole vectors where the number allows, else as much of one as it does. The same
 * rule for inputs and outputs, so that neighbours agree on a layout and no conversion stands between them.
 */
export function channelBlock(channels: number, target: Target): number {
  const lanes = target.simdLanes32
  // What is longer than a vector and no power of two, LLVM takes apart into single elements.
  return channels % (2 * lanes) === 0 ? 2 * lanes : largestDivisor(channels, lanes)
}

/** Sums that must be in flight to hide the latency of a multiply-add: 4 or 5 cycles, two a cycle. */
const SUMS_IN_FLIGHT = 10

/** Weights beyond this, in bytes, come from the second-level cache in each tile. */
const FIRST_LEVEL = 32_768

const DEEP = 256

export interface TileCase {
  /** Output columns of a row. */
  readonly width: number
  /** Output channels of a block. */
  readonly block: number
  /** Multiply-adds that an output element takes; default many. */
  readonly depth?: number
  readonly depthwise?: boolean
  /** The window's columns, where their loop is unrolled and neighbouring outputs share inputs. */
  readonly window?: { readonly columns: number; readonly stride: number; readonly dilation: number }
  /** Columns that are given; else those are chosen that cost least. */
  readonly columns?: number
  /** Widths that are possible; default all. */
  readonly fits?: (columns: number) => boolean
  /** Lanes of the vectors; default those of the target. */
  readonly lanes?: number
  /** Registers that a step needs beside sums, weights and an input; default none. */
  readonly scratch?: number
}

/** A tile and its cost: half cycles a row, for one output channel vector. */
export interface CostedTile extends RegisterTile {
  readonly cost: number
}

/**
 * Chooses the accumulators by counting cycles of the innermost loops over a row of `width` columns. A step issues two
 * multiply-adds and two loads a cycle at best and cannot be shorter than their latency; sums, one vector of weights a channel
 * vector and the inputs that are held must fit the registers. Each tile begins and ends with its sums in memory, the more
 * costly the more there are. The last tile of a row may be narrower than the others, since the loop over tiles is partitioned
 * (`tir.LoopPartition`), and costs what its few sums cost. The constants are fitted to AVX2 and AVX-512 cores of 2023.
 */
export function registerTile(
  {
    width,
    block,
    depth = DEEP,
    window,
    depthwise = false,
    columns: given,
    fits = () => true,
    scratch = 0,
    ...vectors
  }: TileCase,
  target: Target,
): CostedTile {
  const lanes = vectors.lanes ?? target.simdLanes32
  const registers = target.vectorRegisters - scratch
  const whole = block % lanes === 0
  // Depthwise sums share no input, so that whole blocks, read in one go, are best.
  const vectorCounts = !whole
    ? [Math.ceil(block / lanes)]
    : depthwise
      ? [block / lanes]
      : divisors(block / lanes)
  const steps = window?.columns ?? 1
  const streamed = !depthwise && depth * block * 4 > FIRST_LEVEL ? 1.2 : 0
  /** Inputs of all steps of the window together. */
  const inputs = (columns: number) =>
    window && !depthwise
      ? Math.min(columns * steps, (columns - 1) * window.stride + (steps - 1) * window.dilation + 1)
      : columns
  const tileCost = (vectors: number, columns: number) => {
    const sums = vectors * columns
    const loads = depthwise ? sums + vectors : inputs(columns) / steps + vectors
    const step = Math.max(sums, loads, SUMS_IN_FLIGHT) + loads / 5 + streamed * vectors
    return depth * step + 5 * sums + 12 * Math.max(0, sums - 16)
  }
  const holds = (vectors: number, columns: number) => {
    const sums = vectors * columns
    // Inputs that neighbouring depthwise columns share take registers as well: half of them are left for sums.
    if (depthwise) return sums <= registers / 2
    return window
      ? sums + vectors + inputs(columns) <= registers + 3
      : sums + Math.min(vectors, 2) + 1 <= registers
  }
  let best: CostedTile = {
    columns: given ?? 1,
    channels: given !== undefined && whole && !depthwise ? lanes : block,
    cost: Number.POSITIVE_INFINITY,
  }
  for (const vectors of vectorCounts) {
    for (let columns = given ?? 1; columns <= (given ?? width) && holds(vectors, columns); columns++) {
      const tail = width % columns
      if (!fits(columns)) continue
      const row = Math.floor(width / columns) * tileCost(vectors, columns)
      const cost = (row + (tail > 0 ? tileCost(vectors, tail) : 0)) / vectors
      if (cost < best.cost) best = { columns, channels: whole ? vectors * lanes : block, cost }
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
