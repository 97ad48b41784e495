import { TvmNodeError } from './errors.js'

/** What every operation that takes time accepts. */
export interface Limits {
  /** Ends the operation; its promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds until `ERR_TIMEOUT`; default none. */
  readonly timeoutMs?: number | undefined
}

/** What is left of limits for the rest of an operation that began at `begun`, by `performance.now()`. */
export function restOf({ signal, timeoutMs }: Limits, begun: number): Limits {
  if (timeoutMs === undefined) return { signal }
  return { signal, timeoutMs: Math.max(1, timeoutMs - (performance.now() - begun)) }
}

/** The longest delay that timers know, 24 days; what takes longer has no deadline. */
const LONGEST_TIMER = 2 ** 31 - 1

/** One signal for both limits, with what must be let go of when the operation is over. */
export class LimitedTime {
  readonly signal: AbortSignal
  private readonly controller = new AbortController()
  private readonly timer: NodeJS.Timeout | undefined

  /**
   * @param late - What a timeout's message adds, for example the phase.
   * @throws the signal's reason when it is aborted already; `ERR_INVALID_ARGUMENT` for a time that is no positive number.
   */
  constructor(
    private readonly limits: Limits,
    late: () => { readonly where?: string; readonly details?: object } = () => ({}),
  ) {
    const { signal, timeoutMs } = limits
    signal?.throwIfAborted()
    this.signal = this.controller.signal
    signal?.addEventListener('abort', this.forward, { once: true })
    if (timeoutMs === undefined) return
    if (!(timeoutMs > 0)) {
      throw new TvmNodeError('ERR_INVALID_ARGUMENT', `timeoutMs must be a positive number, got ${timeoutMs}`)
    }
    if (timeoutMs > LONGEST_TIMER) return
    this.timer = setTimeout(() => {
      const { where = '', details } = late()
      this.controller.abort(
        new TvmNodeError('ERR_TIMEOUT', `not done within ${timeoutMs} ms${where}`, {
          details: { timeoutMs, ...details },
        }),
      )
    }, timeoutMs)
  }

  private readonly forward = () => this.controller.abort(this.limits.signal?.reason)

  /** Ends the operation for another reason. */
  abort(reason: unknown): void {
    this.controller.abort(reason)
  }

  /** Rejects when the time is over; never resolves. */
  over(): Promise<never> {
    return new Promise((_, reject) => {
      const stop = () => reject(this.signal.reason)
      if (this.signal.aborted) stop()
      else this.signal.addEventListener('abort', stop, { once: true })
    })
  }

  [Symbol.dispose](): void {
    clearTimeout(this.timer)
    this.limits.signal?.removeEventListener('abort', this.forward)
  }
}
