import type { Limits } from '../limits.js'

/** Who holds a board. */
export interface Holder {
  readonly owner: string
  /** Milliseconds until others may take it, unless it is renewed. */
  readonly leftMs: number
}

/**
 * Where it is kept who holds which board. Each call is atomic there, and all times are those of one clock, the store's own: the
 * clocks of the machines that ask need not agree.
 */
export interface LockStore extends AsyncDisposable {
  /**
   * Takes a board that is free, whose lease has run out, or that is the owner's already; a lease is never made shorter.
   *
   * @returns who else holds it, undefined when it is the owner's now
   */
  take(board: string, owner: string, leaseMs: number, limits?: Limits): Promise<Holder | undefined>
  /** Makes a lease that has not run out longer; false when it is not the owner's any more. */
  renew(board: string, owner: string, leaseMs: number, limits?: Limits): Promise<boolean>
  /** Gives a board back. Without effect when it is not the owner's. */
  release(board: string, owner: string, limits?: Limits): Promise<void>
  holder(board: string, limits?: Limits): Promise<Holder | undefined>
}
