import { isTvmNodeError } from '../errors.js'
import { TrialError } from '../schedule-config/record.js'
import type { TensorArg } from '../schedule-config/workload.js'
import type { ArtifactSource } from '../session/load.js'
import type { Session } from '../session/session.js'

/** What a builder is asked to make: one candidate of one way of tuning. */
export interface BuildInput {
  /** Who knows how to turn `candidate` into code: a key of the table in `build-task.ts`. */
  readonly kind: string
  /** TVM's notation. */
  readonly target: string
  readonly candidate: unknown
  /** Absolute paths of modules that register templates. */
  readonly templates?: readonly string[]
}

export interface TrialFailure {
  readonly error: TrialError
  readonly message: string
  /** Seconds. */
  readonly elapsed: number
}

/** Code that is ready to run. */
export interface BuiltTrial {
  /** A shared library. */
  readonly path: string
  /** What its function takes, outputs first. */
  readonly args: readonly TensorArg[]
  readonly elapsed: number
}

export interface TrialTiming {
  /** Seconds a call, one a repetition. */
  readonly costs: readonly number[]
  readonly elapsed: number
}

export type BuildOutcome = BuiltTrial | TrialFailure
export type RunOutcome = TrialTiming | TrialFailure

/** What became of one candidate. */
export interface TrialResult {
  readonly costs: readonly number[]
  readonly error: TrialError
  /** Empty where there is no error. */
  readonly message: string
  /** Seconds for building and running. */
  readonly elapsed: number
  /** Seconds since 1970. */
  readonly timestamp: number
}

/** Errors of a step of a trial: `late` where it took too long, else `other`. */
interface StepErrors {
  readonly late: TrialError
  readonly other: TrialError
}
export const buildErrors: StepErrors = { late: TrialError.BUILD_TIMEOUT, other: TrialError.COMPILE_HOST }
export const runErrors: StepErrors = { late: TrialError.RUN_TIMEOUT, other: TrialError.RUNTIME_DEVICE }

/** What a step comes to that threw; it began at `started`, by `performance.now()`. */
export function failureOf(thrown: unknown, started: number, { late, other }: StepErrors): TrialFailure {
  return {
    error: isTvmNodeError(thrown, 'ERR_TIMEOUT') ? late : other,
    message: (thrown as Error).message,
    elapsed: (performance.now() - started) / 1000,
  }
}

export function failed(outcome: BuildOutcome | RunOutcome): outcome is TrialFailure {
  return 'error' in outcome
}

/** Turns candidates into code, some at a time. */
export interface Builder {
  build(input: BuildInput, signal?: AbortSignal): Promise<BuildOutcome>
  /** How many builds gain from being under way at once. */
  readonly parallel: number
  dispose(): Promise<void>
}

/** What is needed of a session to measure its network. */
export type MeasuredNetwork = Pick<Session, 'inputs' | 'profile'>

/** Whole networks beside each other, so that they can be measured in turns. */
export interface LoadedNetworks {
  /** In the order of their artifacts. */
  readonly sessions: readonly MeasuredNetwork[]
  dispose(): Promise<void>
}

export interface NetworkOptions {
  /** Threads of a run, where the runner has a choice. */
  readonly threads?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** Runs what was built, on this machine or another one. */
export interface Runner {
  /** The library is of no more use to the caller afterwards. */
  run(trial: BuiltTrial, signal?: AbortSignal): Promise<RunOutcome>
  /** Loads networks where kernels run, all on the same board. */
  load(artifacts: readonly ArtifactSource[], options?: NetworkOptions): Promise<LoadedNetworks>
  /** Boards that work at once; runs on this machine's processors are one at a time. */
  readonly parallel: number
  /** Whether it runs on the processors that build: nothing else may then happen meanwhile. */
  readonly local: boolean
  /** Whether measurements are counts that are the same each time: one is then enough. */
  readonly exact: boolean
  dispose(): Promise<void>
}

/** Loads one artifact after the other; those before one that fails are let go of. */
export async function loadBeside(
  artifacts: readonly ArtifactSource[],
  loadOne: (artifact: ArtifactSource) => Promise<Session>,
): Promise<LoadedNetworks> {
  const sessions: Session[] = []
  const dispose = async () => void (await Promise.all(sessions.map((session) => session.dispose())))
  try {
    for (const artifact of artifacts) sessions.push(await loadOne(artifact))
    return { sessions, dispose }
  } catch (error) {
    await dispose()
    throw error
  }
}

/** As TVM's own runner has it: of more than two measurements the fastest and the slowest do not count. */
export function withoutExtremes(costs: readonly number[]): number[] {
  const sorted = [...costs].sort((a, b) => a - b)
  return sorted.length > 2 ? sorted.slice(1, -1) : sorted
}
