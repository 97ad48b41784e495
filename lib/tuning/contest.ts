import { rm } from 'node:fs/promises'
import { type Builder, type BuildInput, type BuiltTrial, failed, type Runner } from '../measure/trial.js'
import { summarize } from '../statistics.js'

const ROUNDS = 3

/**
 * Measures candidates against each other, in turns: what else the machine does then meets all of them alike.
 *
 * @returns Seconds a call of each, the median of its turns; infinite for those that fail.
 */
export async function contest(
  inputs: readonly BuildInput[],
  { builder, runner, signal }: { builder: Builder; runner: Runner; signal?: AbortSignal | undefined },
): Promise<number[]> {
  const built = await Promise.all(inputs.map((input) => builder.build(input, signal)))
  const costs = inputs.map((): number[] => [])
  try {
    for (let round = 0; round < (runner.exact ? 1 : ROUNDS); round++) {
      for (const [i, trial] of built.entries()) {
        if (failed(trial)) continue
        const outcome = await runner.run(trial, signal)
        costs[i]?.push(failed(outcome) ? Number.POSITIVE_INFINITY : mean(outcome.costs))
      }
    }
  } finally {
    const paths = built.filter((trial): trial is BuiltTrial => !failed(trial)).map(({ path }) => path)
    await Promise.all(paths.map((path) => rm(path, { force: true })))
  }
  return costs.map((times) => (times.length > 0 ? summarize(times).median : Number.POSITIVE_INFINITY))
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
