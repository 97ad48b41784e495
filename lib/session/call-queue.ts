import { LimitedTime, type Limits } from '../limits.js'

/** Runs calls one after the other, in the order in which they were made. */
export class CallQueue {
  private tail: Promise<unknown> = Promise.resolve()
  private waiting = 0

  /**
   * @param interruptible - Whether calls that run end when their signal says so. Those that do not go on unheard, and calls
   * behind them wait until they have ended.
   */
  constructor(private readonly interruptible: boolean) {}

  /** Runs `work` after what is queued. A call that still waits when its limits are reached is dropped. */
  async add<T>(limits: Limits, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    using time = new LimitedTime(limits)
    let begun = false
    const result = this.tail.then(() => {
      time.signal.throwIfAborted()
      begun = true
      return work(time.signal)
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

  /** Resolves when all calls made so far have ended. */
  idle(): Promise<unknown> {
    return this.tail
  }
}
