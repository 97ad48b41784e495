import { LimitedTime, type Limits } from '../limits.js'

/** Runs calls one after the other, in the order in which they were made. */
export class CallQueue {
  private tail: Promise<unknown> = Promise.resolve()
  private waiting = 0
  private readonly unanswered = new Set<Promise<unknown>>()
  private running = 0

  /**
   * @param interruptible - Whether calls that run end when their signal says so. Those that do not go on unheard, and calls
   * behind them wait until they have ended.
   */
  constructor(private readonly interruptible: boolean) {}

  /** Runs `work` after what is queued. A call that still waits when its limits are reached is dropped. */
  add<T>(limits: Limits, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const answer = this.perform(limits, work)
    const settled: Promise<unknown> = answer
      .catch(() => undefined)
      .finally(() => this.unanswered.delete(settled))
    this.unanswered.add(settled)
    return answer
  }

  private async perform<T>(limits: Limits, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    using time = new LimitedTime(limits)
    let begun = false
    const result = this.tail.then(() => {
      time.signal.throwIfAborted()
      begun = true
      this.running++
      return work(time.signal).finally(() => this.running--)
    })
    this.waiting++
    this.tail = result.catch(() => undefined).then(() => void this.waiting--)
    const over = time.over().catch((reason: unknown) => {
      if (begun && this.interruptible) return result
      throw reason
    })
    return await Promise.race([result, over])
  }

  /** Whether no call runs or waits. */
  get isIdle(): boolean {
    return this.waiting === 0
  }

  /** Whether a call runs, be it one that nobody hears any more. */
  get busy(): boolean {
    return this.running > 0
  }

  /** Resolves when the promises of all calls made so far are settled. */
  answered(): Promise<unknown> {
    return Promise.all(this.unanswered)
  }

  /** Resolves when all calls made so far have ended, those that nobody hears any more too. */
  idle(): Promise<unknown> {
    return this.tail
  }
}
