import { randomBytes } from 'node:crypto'
import { hostname, uptime, userInfo } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { TvmNodeError } from '../errors.js'
import { LimitedTime, type Limits } from '../limits.js'
import { retry } from '../retry.js'
import type { Holder, LockStore } from './lock-store.js'

/** Milliseconds after which the board of a holder that is gone is free again. */
export const LEASE_MS = 60_000
/** Milliseconds between questions whether a board that another holds is free. */
const POLL_MS = 500
/** Renewals that may fail within a lease. */
const RENEWALS = 3
/** Share of a lease at whose end its holder counts it as lost: work stops before another may begin. */
const MARGIN = 0.1
/** Milliseconds for a board to be given back, and for one attempt at it. */
const RELEASE_MS = 25_000
const ATTEMPT_MS = 8000

export interface LeaseOptions extends Limits {
  /** Milliseconds from a renewal until others may take the board; default 60 000. */
  readonly leaseMs?: number
  /** Default 500. */
  readonly pollMs?: number
  /** Told once for each other holder that is waited for. */
  readonly onWait?: (holder: Holder) => void
}

/**
 * A board held by this run: renewed until it is released. When that fails for too long, since the store is away, another took the
 * board, or this process stood still, `lost` is aborted, before others may have the board.
 */
export class Lease implements AsyncDisposable {
  private readonly ending = new AbortController()
  private readonly releasing = new AbortController()
  private timer: NodeJS.Timeout | undefined
  /** By the clock of `now`. */
  private deadline = 0
  /** Why the last attempt to renew it failed. */
  private failure: Error | undefined

  private constructor(
    private readonly store: LockStore,
    readonly board: string,
    /** Who holds it, as others are told: user, machine, process, and what makes it unique. */
    readonly owner: string,
    private readonly leaseMs: number,
  ) {}

  /**
   * Waits until the board is free and takes it.
   *
   * @param options - `timeoutMs` is for the whole wait; default until the signal says so.
   * @throws `ERR_BOARD_BUSY` with holder and time when another held it to the end, `ERR_TIMEOUT` when the store did not answer,
   * those of the store, and the signal's reason
   */
  static async acquire(store: LockStore, board: string, options: LeaseOptions = {}): Promise<Lease> {
    const { leaseMs = LEASE_MS, pollMs = POLL_MS, onWait, signal, timeoutMs } = options
    const lease = new Lease(store, board, newOwner(), leaseMs)
    let other: Holder | undefined
    let unanswered = false
    using time = new LimitedTime({ signal, timeoutMs }, () => ({ where: ` (locking board '${board}')` }))
    try {
      for (;;) {
        const begun = now()
        unanswered = true
        const holder = await store.take(board, lease.owner, leaseMs, { signal: time.signal })
        unanswered = false
        if (!holder) {
          lease.hold(begun)
          return lease
        }
        if (holder.owner !== other?.owner) onWait?.(holder)
        other = holder
        await sleep(Math.min(pollMs, holder.leftMs + 1), undefined, { signal: time.signal })
      }
    } catch (error) {
      // The store may have given the board although its answer never came.
      if (unanswered)
        await store.release(board, lease.owner, { timeoutMs: ATTEMPT_MS }).catch(() => undefined)
      if (!time.signal.aborted) throw error
      signal?.throwIfAborted()
      const late = time.signal.reason as Error
      throw other ? busy(board, other, late) : late
    }
  }

  /** Aborted with `ERR_LEASE_LOST` when the board may be another's; never by `release`. */
  get lost(): AbortSignal {
    return this.ending.signal
  }

  /**
   * Gives the board back, trying again while the store cannot be reached. Safe to call twice.
   *
   * @param limits - Default 25 s.
   * @throws those of the store; the board is free when the lease runs out
   */
  async release({ signal, timeoutMs = RELEASE_MS }: Limits = {}): Promise<void> {
    if (!this.leave() || this.lost.aborted) return
    await retry({ signal, timeoutMs, attemptMs: ATTEMPT_MS }, (within) =>
      this.store.release(this.board, this.owner, within),
    )
  }

  /** Renews it no more: the board is free when the lease runs out. False when that was so already. */
  leave(): boolean {
    if (this.releasing.signal.aborted) return false
    this.releasing.abort()
    clearTimeout(this.timer)
    return true
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.release()
  }

  private hold(since: number): void {
    this.deadline = since + this.leaseMs * (1 - MARGIN)
    this.failure = undefined
    this.schedule(this.leaseMs / RENEWALS)
  }

  private schedule(ms: number): void {
    if (this.releasing.signal.aborted) return
    // Held boards do not keep a process alive that has nothing else to do.
    this.timer = setTimeout(() => void this.renew(), ms).unref()
  }

  private async renew(): Promise<void> {
    const begun = now()
    const left = this.deadline - begun
    if (left <= 0) return this.lose(this.failure?.message ?? 'this process stood still')
    try {
      const limits = { signal: this.releasing.signal, timeoutMs: left }
      const kept = await this.store.renew(this.board, this.owner, this.leaseMs, limits)
      if (kept) this.hold(begun)
      else this.lose('it ran out or another took the board')
    } catch (error) {
      this.failure = error as Error
      this.schedule(Math.min(Math.max(this.deadline - now(), 0), this.leaseMs / RENEWALS / 4))
    }
  }

  private lose(why: string): void {
    if (this.releasing.signal.aborted) return
    this.ending.abort(
      new TvmNodeError('ERR_LEASE_LOST', `the lease of board '${this.board}' is lost: ${why}`, {
        cause: this.failure,
        details: { board: this.board, owner: this.owner },
      }),
    )
  }
}

/** Milliseconds of a clock that goes on while the machine sleeps, as those of stores do. */
function now(): number {
  return uptime() * 1000
}

function newOwner(): string {
  const { username } = userInfo()
  return `${username}@${hostname()}:${process.pid}:${randomBytes(6).toString('hex')}`.replace(/\s/g, '_')
}

function busy(board: string, { owner, leftMs }: Holder, cause: Error): TvmNodeError {
  const until = new Date(Date.now() + leftMs)
  return new TvmNodeError(
    'ERR_BOARD_BUSY',
    `board '${board}' is held by ${owner}, until ${until.toLocaleTimeString('sv')} unless that one renews it`,
    { cause, details: { board, owner, until: until.toISOString(), leftMs } },
  )
}
