import { rm } from 'node:fs/promises'
import { Gate } from '../process/gate.js'
import { TrialError } from '../schedule-config/record.js'
import { type Builder, type BuildInput, failed, type Runner, type TrialResult } from './trial.js'

export interface MeasureOptions {
  readonly builder: Builder
  readonly runner: Runner
  readonly signal?: AbortSignal | undefined
  /** Hears each result as soon as it is there. */
  readonly onResult?: (result: TrialResult, position: number) => void
}

/**
 * Builds a batch of candidates and runs them. On this machine's own processors all are built before the first one runs, since
 * a compiler at work beside it would spoil a measurement; boards run what is ready at once.
 *
 * @returns One result each, in order.
 */
export async function measureBatch(
  inputs: readonly BuildInput[],
  { builder, runner, signal, onResult }: MeasureOptions,
): Promise<TrialResult[]> {
  const results: TrialResult[] = []
  const building = new Gate(builder.parallel)
  const running = new Gate(runner.parallel)
  const builds = inputs.map((input) => building.run(() => builder.build(input, signal)))
  if (runner.local) await Promise.all(builds)
  const runs = builds.map(async (build, position) => {
    const built = await build
    const outcome = failed(built) ? built : await running.run(() => runner.run(built, signal))
    if (!failed(built)) await rm(built.path, { force: true })
    const elapsed = built.elapsed + (failed(built) ? 0 : outcome.elapsed)
    const timestamp = Date.now() / 1000
    const result: TrialResult = failed(outcome)
      ? { costs: [], error: outcome.error, message: outcome.message, elapsed, timestamp }
      : { costs: outcome.costs, error: TrialError.NONE, message: '', elapsed, timestamp }
    results[position] = result
    onResult?.(result, position)
  })
  await Promise.all(runs)
  return results
}
