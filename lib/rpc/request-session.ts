import { isTvmNodeError, TvmNodeError } from '../errors.js'
import { LimitedTime, type Limits } from '../limits.js'
import { type Address, formatAddress } from './address.js'
import { RemoteSession } from './remote-session.js'
import { queryTracker, TrackerClient } from './tracker-client.js'
import { queueStatuses } from './tracker-summary.js'

/** Which board is asked for; `timeoutMs` bounds the waiting for a free one, default 60 s. */
export interface SessionRequest extends Limits {
  readonly tracker: Address
  /** The boards' key. */
  readonly key: string
  /** Higher ones come first; default 1. */
  readonly priority?: number
  /** Seconds after which the server ends the session; default never. */
  readonly seconds?: number
}

/** Grants that lead nowhere, because a board left, before the request fails. */
const MOST_TRIES = 5
/** Milliseconds for a free board, unless the caller says otherwise. */
const DEFAULT_WAIT = 60_000
/** Milliseconds for one connection with a server. */
const CONNECT = 15_000

/**
 * Waits until a tracker has a free board of the key and opens a session there.
 *
 * @throws `ERR_TIMEOUT`, which tells how many boards there are and who waits; `ERR_CONNECTION`, `ERR_PROTOCOL`
 */
export async function requestSession(request: SessionRequest): Promise<RemoteSession> {
  const { tracker, key, signal, timeoutMs = DEFAULT_WAIT } = request
  using time = new LimitedTime({ signal, timeoutMs })
  try {
    return await open(request, time.signal)
  } catch (error) {
    if (signal?.aborted || !isTvmNodeError(error, 'ERR_TIMEOUT')) throw error
    const { state, details } = await describe(tracker, key)
    throw new TvmNodeError(
      'ERR_TIMEOUT',
      `no session on '${key}' within ${timeoutMs} ms from the tracker at ${formatAddress(tracker)}: ${state}`,
      { cause: error, details: { timeoutMs, key, tracker: formatAddress(tracker), ...details } },
    )
  }
}

async function open(request: SessionRequest, signal: AbortSignal): Promise<RemoteSession> {
  const { tracker, key, priority = 1, seconds } = request
  using client = await TrackerClient.connect(tracker, { signal })
  for (let attempt = 1; ; attempt++) {
    const { host, port, matchKey } = await client.request(key, priority, { signal })
    try {
      const options = { key: matchKey, signal, timeoutMs: CONNECT, ...(seconds !== undefined && { seconds }) }
      return await RemoteSession.connect({ host, port }, options)
    } catch (error) {
      signal.throwIfAborted()
      // The board may have left since it offered itself.
      if (attempt >= MOST_TRIES || isTvmNodeError(error, 'ERR_PROTOCOL')) throw error
    }
  }
}

async function describe(tracker: Address, key: string): Promise<{ state: string; details?: object }> {
  try {
    const summary = await queryTracker(tracker, { timeoutMs: 2000 })
    const status = queueStatuses(summary).find((queue) => queue.key === key)
    if (!status || status.total === 0) return { state: 'it knows no such board' }
    const { total, free, pending } = status
    return {
      state: `${free} of ${total} boards are free, ${pending} wait`,
      details: { total, free, pending },
    }
  } catch (error) {
    return { state: `it does not answer (${(error as Error).message})` }
  }
}
