import type { ErrorCode } from '../errors.js'
import type { OperatorProfile } from '../session/session.js'
import type { OutputMetrics } from './output-error.js'

/** Numbers by name, as loggers take them. */
export type Metrics = Readonly<Record<string, number>>

/** A part of a training that has hooks. */
export type Stage = 'validation' | 'test'

/** Why an epoch was not measured though nothing failed. */
export type SkipReason =
  /** Its turn does not come, by `val_frequency`, or it was a sanity check. */
  | 'not_due'
  /** `val_batches` or `test_batches` is 0, or no batch came. */
  | 'no_batches'
  /** A later epoch came while it was waiting. */
  | 'superseded'
  /** Its time was over before its turn came. */
  | 'time_budget'
  /** Another holds the board. */
  | 'busy'
  /** The backend was disposed of. */
  | 'disposed'

/** What came of an epoch; there is exactly one for each. */
export type EvaluationResult = {
  readonly stage: Stage
  /** Counted from 0, those that were skipped included. */
  readonly epoch: number
} & (
  | {
      readonly status: 'measured'
      /**
       * Each with `val_backend_` or `test_backend_` in front: `mse` (mean over the outputs), `cosine_distance` (largest), `sqnr_db`
       * and `top1_agreement` (smallest), `latency_us` (median of a run on the board), `latency_spread_us` (between its quartiles),
       * `memory_bytes` (parameters and working memory), `prepare_ms`.
       */
      readonly metrics: Metrics
      readonly outputs: Readonly<Record<string, OutputMetrics>>
      readonly profile: readonly OperatorProfile[]
      /** What preparing had to build. */
      readonly rebuilt: Rebuilt
      readonly batches: number
    }
  | { readonly status: 'skipped'; readonly reason: SkipReason }
  | {
      readonly status: 'failed'
      /** A phase of the board's life cycle, or `model`, `prepare`, `reference`, `compare`, `export`. */
      readonly phase: string
      readonly reason: string
      readonly code: ErrorCode | undefined
      readonly error: unknown
    }
)

/** `nothing`: the same model; `parameters`: the same graph with other weights. */
export type Rebuilt = 'all' | 'parameters' | 'nothing'

/** What a hook tells at once when the work goes on in the background. */
export interface Queued {
  readonly stage: Stage
  readonly epoch: number
  readonly status: 'queued'
}
