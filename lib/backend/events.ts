import type { ProgressEvent } from '../process/protocol.js'
import type { OperatorProfile } from '../session/session.js'
import type { EvaluationResult, Metrics, Stage } from './results.js'

/** What a backend tells those who watch it. */
export type BackendEvent =
  /** A call begins or ends; others may wait behind it. */
  | { readonly type: 'call'; readonly call: BackendCall; readonly state: 'begin' | 'end' }
  /** A step of building or tuning. */
  | (Omit<ProgressEvent, 'type'> & { readonly type: 'progress' })
  /** An epoch comes into a phase: `prepare`, `export`, `reference`, `measure`, `compare`. */
  | { readonly type: 'epoch'; readonly stage: Stage; readonly epoch: number; readonly phase: string }
  /** What came of an epoch, those that were not due too. */
  | { readonly type: 'result'; readonly result: EvaluationResult }
  /** What a profile measured, those of evaluations too. */
  | { readonly type: 'profile'; readonly metrics: Metrics; readonly profile: readonly OperatorProfile[] }

/** A call of `TvmBackend`. */
export type BackendCall = 'prepare' | 'run' | 'profile' | 'export'

/** Hears events; its faults are warnings and disturb nobody. */
export type Listener<Event> = (event: Event) => void

/** Those who watch. */
export class Listeners<Event> {
  private readonly all = new Set<Listener<Event>>()

  /** @returns What takes it off again. */
  add(listener: Listener<Event>): () => void {
    // Of its own, so that one added twice hears twice.
    const own = (event: Event) => listener(event)
    this.all.add(own)
    return () => this.all.delete(own)
  }

  tell(event: Event): void {
    for (const listener of this.all) {
      try {
        listener(event)
      } catch (error) {
        process.emitWarning(error instanceof Error ? error : String(error))
      }
    }
  }
}
