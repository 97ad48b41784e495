import { type Artifact, type CompileOptions, compile } from '../compile/compile.js'
import { isTvmNodeError } from '../errors.js'
import type { MeasuredNetwork, Runner } from '../measure/trial.js'
import type { TuningRecord } from '../schedule-config/record.js'
import { operatorName } from '../session/operator-profile.js'
import { sampleInputs } from '../session/sample-inputs.js'
import type { ProfileReport } from '../session/session.js'
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

type Profile = (repeat: number) => Promise<ProfileReport>

/** Measures the whole network as each candidate has it, in turns. */
export async function measureCandidates(
  candidates: readonly Candidate[],
  options: NetworkOptions,
): Promise<void> {
  const { exact } = options.runner
  const times = await inTurns(
    candidates,
    exact ? 1 : ROUNDS,
    options,
    async (profile, known: readonly number[]) => {
      const measure = async (repeat: number) => (await profile(repeat)).metrics.latencyUs.median / 1000
      if (exact) return measure(1)
      const before = known[0] ?? (await measure(FEWEST_RUNS))
      return measure(Math.min(MOST_RUNS, Math.max(FEWEST_RUNS, Math.round(TURN / before))))
    },
  )
  for (const [i, candidate] of candidates.entries())
    candidate.latencyMs = summarize(times[i] as number[]).median
}

/** Turns for the times of operators, each of them one run after some others. */
const OPERATOR_ROUNDS = 25
const WARMING_RUNS = 2

/**
 * Measures operators within the network, where they find in the caches what others leave there.
 *
 * @returns For each candidate the seconds that workloads take in a run, all their calls together, by `workloadKey`; nothing where a
 * board does not tell operators apart.
 */
export async function measureWorkloads(
  candidates: readonly Candidate[],
  options: NetworkOptions,
): Promise<ReadonlyMap<string, number>[]> {
  const rounds = options.runner.exact ? 1 : OPERATOR_ROUNDS
  const profiles = await inTurns(candidates, rounds, options, async (profile) => {
    return (await profile(WARMING_RUNS)).profile
  })
  return candidates.map(({ artifact }, i) => {
    const keys = new Map(
      artifact.metadata.schedules.flatMap(({ key, function: name }): [string, string][] =>
        key === undefined || name === undefined ? [] : [[operatorName(name), key]],
      ),
    )
    const times = new Map<string, number[]>()
    for (const [round, operators] of (profiles[i] ?? []).entries()) {
      for (const { name, durationUs } of operators) {
        const key = keys.get(name)
        if (key === undefined) continue
        const sums = times.get(key) ?? []
        times.set(key, sums)
        sums[round] = (sums[round] ?? 0) + durationUs / 1e6
      }
    }
    return new Map([...times].map(([key, sums]) => [key, summarize(sums).median]))
  })
}

/** Has each candidate measured once a round, beside each other; anew where the board was lost meanwhile. */
async function inTurns<T>(
  candidates: readonly Candidate[],
  rounds: number,
  options: NetworkOptions,
  measure: (profile: Profile, known: readonly T[]) => Promise<T>,
): Promise<T[][]> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await takeTurns(candidates, rounds, options, measure)
    } catch (error) {
      options.signal?.throwIfAborted()
      if (attempt >= MOST_TRIES || !isTvmNodeError(error, 'ERR_CONNECTION')) throw error
    }
  }
}

async function takeTurns<T>(
  candidates: readonly Candidate[],
  rounds: number,
  { runner, threads, signal }: NetworkOptions,
  measure: (profile: Profile, known: readonly T[]) => Promise<T>,
): Promise<T[][]> {
  const artifacts = candidates.map(({ artifact }) => artifact)
  const networks = await runner.load(artifacts, { threads, signal })
  try {
    const limits = { timeoutMs: LONGEST_TURN, ...(signal && { signal }) }
    const turns = networks.sessions.map((session: MeasuredNetwork) => {
      const inputs = sampleInputs(session.inputs)
      return {
        known: [] as T[],
        profile: (repeat: number) => session.profile(inputs, { repeat, ...limits }),
      }
    })
    for (let round = 0; round < rounds; round++)
      for (const { known, profile } of turns) known.push(await measure(profile, known))
    return turns.map(({ known }) => known)
  } finally {
    await networks.dispose()
  }
}
