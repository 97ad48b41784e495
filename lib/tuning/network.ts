import { type Artifact, type CompileOptions, compile } from '../compile/compile.js'
import { isTvmNodeError } from '../errors.js'
import type { MeasuredNetwork, Runner } from '../measure/trial.js'
import type { TuningRecord } from '../schedule-config/record.js'
import { sampleInputs } from '../session/sample-inputs.js'
import { summarize } from '../statistics.js'

/** The network built with some records, and how long a run takes. */
export interface Candidate {
  readonly label: string
  readonly records: readonly TuningRecord[]
  readonly artifact: Artifact
  latencyMs: number
}

export interface NetworkOptions {
  readonly compile: CompileOptions
  /** Where the network is measured. */
  readonly runner: Runner
  readonly threads?: number | undefined
  readonly signal?: AbortSignal | undefined
}

const ROUNDS = 7
/** Milliseconds of each candidate's turn, and the fewest runs in it. */
const TURN = 150
const FEWEST_RUNS = 3
const MOST_RUNS = 200

/** Builds the network with the given records and no others. */
export async function buildCandidate(
  model: string | Uint8Array,
  label: string,
  records: readonly TuningRecord[],
  { compile: options, signal }: NetworkOptions,
): Promise<Candidate> {
  const artifact = await compile(model, { ...options, records, ...(signal ? { signal } : {}) })
  return { label, records, artifact, latencyMs: Number.NaN }
}

/** Measurements that end with their board lost before tuning does. */
const MOST_TRIES = 2
/** Milliseconds for a turn: a network that hangs must not hold tuning up. */
const LONGEST_TURN = 300_000

/** Measures the whole network as each candidate has it, in turns, beside each other; anew where the board was lost meanwhile. */
export async function measureCandidates(
  candidates: readonly Candidate[],
  options: NetworkOptions,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await measureInTurns(candidates, options)
      return
    } catch (error) {
      options.signal?.throwIfAborted()
      if (attempt >= MOST_TRIES || !isTvmNodeError(error, 'ERR_CONNECTION')) throw error
    }
  }
}

async function measureInTurns(
  candidates: readonly Candidate[],
  { runner, threads, signal }: NetworkOptions,
): Promise<void> {
  const artifacts = candidates.map(({ artifact }) => artifact)
  const networks = await runner.load(artifacts, { threads, signal })
  try {
    const measure = async (session: MeasuredNetwork, repeat: number) => {
      const limits = { timeoutMs: LONGEST_TURN, ...(signal && { signal }) }
      const report = await session.profile(sampleInputs(session.inputs), { repeat, ...limits })
      return report.metrics.latencyUs.median / 1000
    }
    const times = candidates.map((): number[] => [])
    for (let round = 0; round < (runner.exact ? 1 : ROUNDS); round++) {
      for (const [i, session] of networks.sessions.entries()) {
        if (runner.exact) {
          times[i]?.push(await measure(session, 1))
          continue
        }
        const before = times[i]?.[0] ?? (await measure(session, FEWEST_RUNS))
        const repeat = Math.min(MOST_RUNS, Math.max(FEWEST_RUNS, Math.round(TURN / before)))
        times[i]?.push(await measure(session, repeat))
      }
    }
    for (const [i, candidate] of candidates.entries())
      candidate.latencyMs = summarize(times[i] as number[]).median
  } finally {
    await networks.dispose()
  }
}
