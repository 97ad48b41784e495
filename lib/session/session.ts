import type { Summary } from '../statistics.js'
import type { ArtifactMetadata, TensorInfo } from './artifact.js'
import type { CallOptions, ProfileOptions } from './call-options.js'
import type { NamedTensors } from './inputs.js'

/** Time that one operator of the compiled network took in one run. */
export interface OperatorProfile {
  readonly name: string
  readonly durationUs: number
  /** Share of the whole run, from 0 to 100. */
  readonly percent: number
  readonly device: string
}

/** What a run of the whole network took. */
export interface LatencyMetrics {
  /** Microseconds a run took. */
  readonly latencyUs: Summary
}

/** Outputs of a run, and what it took. */
export interface ProfileReport {
  readonly outputs: NamedTensors
  readonly metrics: LatencyMetrics
  /** In order of execution. */
  readonly profile: readonly OperatorProfile[]
}

/** What a board without an operating system says of the runs since it was last asked. */
export interface BoardUsage {
  /** Instructions of the network's runs, on simulators that count them; the same for the same inputs. */
  readonly instructions?: number
  /** Microseconds of the network's runs by the board's clock; on a simulator, those of its own time. */
  readonly us: number
  /** Bytes: the program's variables, in which the network works, and the most that was in use of heap and stack. */
  readonly memory: { readonly variables: number; readonly heap: number; readonly stack: number }
}

/** A loaded network. Calls queue: one runs at a time. */
export interface Session {
  readonly metadata: ArtifactMetadata
  readonly inputs: readonly TensorInfo[]
  readonly outputs: readonly TensorInfo[]
  /** Threads that a run uses. */
  readonly threads: number
  /** Runs the network once. @throws `ERR_INPUT`, `ERR_INVALID_ARGUMENT`, `ERR_DISPOSED`, `ERR_TIMEOUT`, `ERR_TVM` */
  run(inputs: NamedTensors, options?: CallOptions): Promise<NamedTensors>
  /** Runs it some times and reports what each operator took. @throws as `run` */
  profile(inputs: NamedTensors, options?: ProfileOptions): Promise<ProfileReport>
  /** What the board says of itself; only boards without an operating system do. @throws as `run` */
  usage?(options?: CallOptions): Promise<BoardUsage | undefined>
  readonly disposed: boolean
  /** Frees everything after the calls in flight. Safe to call twice. */
  dispose(): Promise<void>
  /** As `dispose`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Where and how a network runs; `signal` and `timeoutMs` bound the loading. */
export interface LoadOptions extends CallOptions {
  /** `thread` (default) runs within this process on a thread of its own; `process` in a child process. */
  readonly isolation?: 'thread' | 'process'
  /** Default: the processors this process may use, at most 8. */
  readonly threads?: number
  /**
   * With `thread` isolation, a network whose runs take less than this many microseconds runs on the JavaScript thread itself,
   * which holds up the event loop for as long and saves the way to another thread. Default 200; 0 for never.
   */
  readonly inlineBelowUs?: number
}
