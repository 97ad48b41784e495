import { Option } from 'commander'
import type { Origin } from '../results/origin.js'
import type { ResultRecord } from '../results/record.js'
import type { Summary } from '../statistics.js'

/** Commands whose results can be kept take this. */
export const resultsOption = () =>
  new Option(
    '--results <file>',
    'file in which the result is kept too, for "results" and "report" (default: what TVM_NODE_RESULTS names)',
  )

export interface KeepOptions {
  readonly results?: string
  readonly board?: string
}

/** The file that the command line or else the environment names. */
export function resultsFile({ results }: KeepOptions): string | undefined {
  return results ?? (process.env.TVM_NODE_RESULTS || undefined)
}

/**
 * Keeps a command's result where one is wanted.
 *
 * @throws `ERR_RESULTS`, `ERR_RESULTS_VERSION`, `ERR_NOT_AVAILABLE`
 */
export async function keepResult(
  options: KeepOptions,
  origin: Origin,
  result: Omit<ResultRecord, 'network' | 'board'>,
): Promise<void> {
  const path = resultsFile(options)
  if (path === undefined) return
  const { ResultStore } = await import('../results/store.js')
  const { originOf } = await import('../results/origin.js')
  await using store = await ResultStore.open(path)
  const { versions, ...network } = originOf(origin)
  await store.add({
    ...network,
    ...(options.board && { board: options.board }),
    ...result,
    versions: { ...versions, ...result.versions },
  })
}

/** Latency as metrics. @param summary - Microseconds. */
export function latencyMetrics({ median, spread, min, max, count }: Summary): Record<string, number> {
  return {
    latency_us: median,
    latency_spread_us: spread,
    latency_min_us: min,
    latency_max_us: max,
    timed_runs: count,
  }
}
