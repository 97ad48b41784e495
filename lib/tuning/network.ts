import { type Artifact, type CompileOptions, compile } from '../compile/compile.js'
import type { TuningRecord } from '../schedule-config/record.js'
import { load } from '../session/load.js'
import { sampleInputs } from '../session/sample-inputs.js'
import type { Session } from '../session/session.js'
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

/** Measures the whole network as each candidate has it, in turns, in processes of their own. */
export async function measureCandidates(
  candidates: readonly Candidate[],
  { threads, signal }: NetworkOptions,
): Promise<void> {
  const sessions: Session[] = []
  const limits = signal ? { signal } : {}
  try {
    for (const { artifact } of candidates) {
      const options = threads === undefined ? {} : { threads }
      sessions.push(await load(artifact, { isolation: 'process', ...options, ...limits }))
    }
    const measure = async (session: Session, repeat: number) => {
      const inputs = sampleInputs(session.inputs)
      return (await session.profile(inputs, { repeat, ...limits })).metrics.latencyUs.median / 1000
    }
    const times = candidates.map((): number[] => [])
    for (let round = 0; round < ROUNDS; round++) {
      for (const [i, session] of sessions.entries()) {
        const before = times[i]?.[0] ?? (await measure(session, FEWEST_RUNS))
        const repeat = Math.min(MOST_RUNS, Math.max(FEWEST_RUNS, Math.round(TURN / before)))
        times[i]?.push(await measure(session, repeat))
      }
    }
    for (const [i, candidate] of candidates.entries())
      candidate.latencyMs = summarize(times[i] as number[]).median
  } finally {
    await Promise.all(sessions.map((session) => session.dispose()))
  }
}
