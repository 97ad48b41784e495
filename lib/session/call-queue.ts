import { LimitedTime, type Limits } from '../limits.js'

/** Runs calls one after the other, in the order in which they were made. */
export class CallQueue {
  private tail: Promise<unknown> = Promise.resolve()

  /**
   * Runs `work` after what is queued. When the limits are reached the promise rejects at once: a call that waits is dropped,
   * one that runs is told by its signal, and calls behind it wait until it has ended.
   */
  async add<T>(limits: Limits, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    using time = new LimitedTime(limits)
    const result = this.tail.then(() => {
      time.signal.throwIfAborted()
      return work(time.signal)
    })
    this.tail = result.catch(() => undefined)
    return await Promise.race([result, time.over()])
  }

  /** Resolves when all calls made so far have ended. */
  idle(): Promise<unknown> {
    return this.tail
  }
}
