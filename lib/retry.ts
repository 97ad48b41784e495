import { setTimeout as sleep } from 'node:timers/promises'
import { isTvmNodeError } from './errors.js'
import { LimitedTime, type Limits } from './limits.js'

export interface RetryLimits extends Limits {
  /** Milliseconds for one attempt. */
  readonly attemptMs: number
  /** Milliseconds between two; default 500. */
  readonly pauseMs?: number
}

/**
 * Does work until it succeeds, as long as it fails because a peer cannot be reached.
 *
 * @throws what the last attempt ended with when the time is over, the signal's reason, and at once whatever trying again does not mend
 */
export async function retry<T>(
  { signal, timeoutMs, attemptMs, pauseMs = 500 }: RetryLimits,
  work: (within: Limits) => Promise<T>,
): Promise<T> {
  using time = new LimitedTime({ signal, timeoutMs })
  for (;;) {
    try {
      return await work({ signal: time.signal, timeoutMs: attemptMs })
    } catch (error) {
      signal?.throwIfAborted()
      const mayPass = isTvmNodeError(error, 'ERR_CONNECTION') || isTvmNodeError(error, 'ERR_TIMEOUT')
      if (!mayPass || time.signal.aborted) throw error
      await sleep(pauseMs, undefined, { signal: time.signal }).catch(() => {
        signal?.throwIfAborted()
        throw error
      })
    }
  }
}
