import { setTimeout as sleep } from 'node:timers/promises'
import { type Summary, summarize } from '../statistics.js'

const ROUNDS = 10
const WARM_UP = 3
/** Milliseconds between contenders: the pools of both keep spinning for a while after work. */
const REST = 50

export interface TurnOptions {
  readonly signal?: AbortSignal
  readonly onRound?: (fraction: number) => void
}

/**
 * Times some contenders in turns, so that what else the machine does meets all of them alike.
 *
 * @param runs - Timed runs of each, spread over ten turns.
 * @returns Milliseconds a run, for each contender.
 */
export async function measureInTurns(
  contenders: readonly (() => Promise<void>)[],
  runs: number,
  { signal, onRound }: TurnOptions = {},
): Promise<Summary[]> {
  const times = contenders.map((): number[] => [])
  for (let round = 0; round < ROUNDS; round++) {
    onRound?.(round / ROUNDS)
    const share = Math.floor(((round + 1) * runs) / ROUNDS) - Math.floor((round * runs) / ROUNDS)
    if (share === 0) continue
    for (const [i, contender] of contenders.entries()) {
      await sleep(REST, undefined, signal ? { signal } : {})
      for (let warm = 0; warm < WARM_UP; warm++) await contender()
      for (let run = 0; run < share; run++) {
        signal?.throwIfAborted()
        const started = performance.now()
        await contender()
        times[i]?.push(performance.now() - started)
      }
    }
  }
  return times.map(summarize)
}
