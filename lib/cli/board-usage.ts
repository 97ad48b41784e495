import type { BoardUsage } from '../session/session.js'
import { formatBytes } from './table.js'

/** The most memory that was in use at one time: variables, heap and stack have places of their own. */
function peakBytes({ memory: { variables, heap, stack } }: BoardUsage): number {
  return variables + heap + stack
}

/** For `--json`. */
export function describeUsage(usage: BoardUsage) {
  const { instructions, us, memory } = usage
  return {
    ...(instructions !== undefined && { instructions }),
    board_us: us,
    peak_memory_bytes: peakBytes(usage),
    memory,
  }
}

/** For people. */
export function usageText(usage: BoardUsage): string {
  const { instructions, us, memory } = usage
  const time =
    instructions === undefined ? `${us.toFixed(0)} us` : `${instructions.toLocaleString('en')} instructions`
  const parts = Object.entries(memory).map(([name, bytes]) => `${formatBytes(bytes)} ${name}`)
  return `on the board: ${time}, peak memory ${formatBytes(peakBytes(usage))} (${parts.join(', ')})`
}
