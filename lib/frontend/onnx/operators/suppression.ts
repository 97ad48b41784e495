import { range } from '../emit.js'

export interface Candidates {
  /** [boxes, 4]: two opposite corners (y, x, y, x), or centre and size (x, y, width, height). */
  readonly boxes: readonly number[]
  readonly scores: readonly number[]
  readonly centred: boolean
  /** How many boxes to select at most. */
  readonly limit: number
  /** Boxes that share more of their union than this with a better one are dropped. */
  readonly threshold: number
  /** Scores must be above it. */
  readonly minimum: number | undefined
}

interface Box {
  readonly low: readonly [number, number]
  readonly high: readonly [number, number]
}

/** The boxes that stay, best first (ONNX 1.16, operator NonMaxSuppression). */
export function suppress({ boxes, scores, centred, limit, threshold, minimum }: Candidates): number[] {
  const all = scores.map((_, i) => box(boxes.slice(4 * i, 4 * i + 4), centred))
  const order = range(scores.length)
    .filter((i) => minimum === undefined || (scores[i] as number) > minimum)
    .sort((a, b) => (scores[b] as number) - (scores[a] as number))
  const chosen: number[] = []
  for (const candidate of order) {
    if (chosen.length >= limit) break
    const covered = chosen.some((better) => overlap(all[candidate] as Box, all[better] as Box) > threshold)
    if (!covered) chosen.push(candidate)
  }
  return chosen
}

function box(values: readonly number[], centred: boolean): Box {
  const [a, b, c, d] = values as [number, number, number, number]
  if (centred) return { low: [b - d / 2, a - c / 2], high: [b + d / 2, a + c / 2] }
  return { low: [Math.min(a, c), Math.min(b, d)], high: [Math.max(a, c), Math.max(b, d)] }
}

const area = ({ low, high }: Box) => (high[0] - low[0]) * (high[1] - low[1])

/** The share of their union that two boxes have in common. */
function overlap(a: Box, b: Box): number {
  const side = (axis: 0 | 1) =>
    Math.max(Math.min(a.high[axis], b.high[axis]) - Math.max(a.low[axis], b.low[axis]), 0)
  const common = side(0) * side(1)
  return common === 0 ? 0 : common / (area(a) + area(b) - common)
}
