// Tuners on the same convolution, ours and Python TVM's in turns, one seed after the other.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { summarize } from '#lib/statistics.js'
import { describeMachine, digits, report } from './support.mjs'

/** Of a 3x3 convolution, 64 channels on 56x56. */
const FLOP = 2 * 64 * 64 * 9 * 56 * 56

/** Runs a script of `peers/` that prints its figures as the last line, an object in JSON. */
export function runPeer(python, script, trials, seed) {
  const path = fileURLToPath(new URL(`./peers/${script}`, import.meta.url))
  const out = execFileSync(python, [path, String(trials), String(seed)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return { trials, ...JSON.parse(out.trim().split('\n').at(-1)) }
}

/** Prints what each contender needs and finds. A contender takes a seed and yields `{ trials, seconds, best_ms, valid }`. */
export async function contest(contenders, { seeds, json }) {
  const results = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]))
  for (let seed = 0; seed < seeds; seed++)
    for (const [name, run] of Object.entries(contenders)) results[name].push(await run(seed))
  const rows = Object.entries(results).map(([tuner, runs]) => {
    const [{ trials }] = runs
    const seconds = summarize(runs.map((run) => run.seconds))
    const best = summarize(runs.map((run) => run.best_ms))
    return {
      tuner,
      trials,
      valid: Math.min(...runs.map(({ valid }) => valid)),
      trials_per_s: digits(trials / seconds.median),
      seconds_spread: digits(seconds.spread),
      best_ms: digits(best.median, 4),
      best_spread: digits(best.spread),
      GFLOPS: digits(FLOP / best.median / 1e6),
    }
  })
  report(rows, { json })
  if (!json) console.log(`\n${seeds} seeds; ${describeMachine()}`)
}
