import type { TrialError } from '../schedule-config/record.js'

/** Something that happened while a network was tuned. */
export type TuneEvent =
  | { readonly type: 'phase'; readonly phase: TunePhase }
  | { readonly type: 'tasks'; readonly tasks: readonly TaskInfo[]; readonly trials: number }
  | TrialEvent
  /** A batch of trials of a task is done. */
  | {
      readonly type: 'progress'
      readonly task: number
      /** Trials done and planned, of all tasks. */
      readonly done: number
      readonly planned: number
      /** Estimate of the network's latency with the best configurations so far; undefined before it is known. */
      readonly latencyMs?: number
      readonly secondsLeft?: number
    }
  | {
      readonly type: 'task-end'
      readonly task: number
      readonly reason: 'budget' | 'exhausted' | 'early-stopping' | 'failed'
      /** The most frequent error of a task without any valid trial, and one message in full. */
      readonly failure?: { readonly error: TrialError; readonly count: number; readonly message: string }
    }
  | {
      readonly type: 'network'
      /** `before` tuning, or with records as `candidate` or in the end chosen ones. */
      readonly when: 'before' | 'candidate' | 'after'
      readonly label: string
      readonly latencyMs: number
    }
  | { readonly type: 'warning'; readonly message: string }

/** Which part of tuning goes on: finding the tasks, measuring the network and the defaults, the search, and measuring what it found. */
export type TunePhase = 'extract' | 'baseline' | 'defaults' | 'search' | 'contest' | 'network'

/** A task as events number it. */
export interface TaskInfo {
  readonly name: string
  /** Name and shapes. */
  readonly description: string
  /** Calls in the network. */
  readonly weight: number
  readonly gflop: number
  /** Configurations to choose from. */
  readonly size: number
  /** Trials that were in the log already. */
  readonly resumed: number
}

/** A configuration was built and measured. */
export interface TrialEvent {
  readonly type: 'trial'
  readonly task: number
  readonly error: TrialError
  readonly message: string
  /** Of this trial and of the best so far; 0 where there is none. */
  readonly gflops: number
  readonly bestGflops: number
  /** Whether it is the default configuration. */
  readonly isDefault: boolean
}
