import { isTvmNodeError, TvmNodeError } from '../errors.js'
import { LimitedTime, type Limits, restOf } from '../limits.js'
import { HostLocks } from '../locks/host-locks.js'
import { Lease } from '../locks/lease.js'
import type { Holder, LockStore } from '../locks/lock-store.js'
import { type Finished, SshConnection } from '../ssh/connection.js'
import type { BoardHost } from './board-host.js'
import { LockDatabase } from './lock-database.js'

/**
 * A machine that this run holds and is connected with. Held by automate's database where it has one, else by a lock on the machine
 * itself.
 */
export class HeldHost {
  private connection: SshConnection | undefined
  private connecting: Promise<void> | undefined
  private released = false
  private lease: Lease | undefined

  private constructor(
    readonly where: BoardHost,
    private readonly store: LockStore,
    private readonly isOnHost: boolean,
  ) {}

  /** Waits until the board is free. @throws `ERR_BOARD_BUSY` with who holds it, `ERR_LOCK_STORE`, and as `SshConnection.connect` */
  static async take(name: string, where: BoardHost, limits: Limits): Promise<HeldHost> {
    const { database } = where
    const begun = performance.now()
    const store = database
      ? await LockDatabase.open(database, limits)
      : new HostLocks((command, within) => held.exec(command, within))
    const held: HeldHost = new HeldHost(where, store, !database)
    try {
      // At its own pace: connecting takes longer than a step on a lock may.
      if (!database) await held.connect(limits)
      held.lease = await Lease.acquire(store, name, { ...restOf(limits, begun), leaseMs: where.leaseMs })
      limits.signal?.throwIfAborted()
      return held
    } catch (error) {
      await held.release().catch(() => undefined)
      throw error
    }
  }

  /** Of equal machines the first that is free. @throws as `take` */
  static async takeFirst(name: string, hosts: readonly BoardHost[], limits: Limits): Promise<HeldHost> {
    const found = new AbortController()
    const signal = AbortSignal.any([found.signal, ...(limits.signal ? [limits.signal] : [])])
    const takings = hosts.map((where) => HeldHost.take(name, where, { ...limits, signal }))
    try {
      const first = await Promise.any(takings)
      found.abort(new Error('another board was free'))
      // Others may have been free at the same time.
      for (const taking of takings)
        taking.then((held) => (held === first ? undefined : held.release())).catch(() => undefined)
      return first
    } catch (error) {
      const { errors } = error as AggregateError
      limits.signal?.throwIfAborted()
      throw errors.find((each) => isTvmNodeError(each, 'ERR_BOARD_BUSY')) ?? errors[0]
    }
  }

  /** Who holds it, without taking it; undefined when it is free. @throws as `take` */
  static async holderOf(name: string, where: BoardHost, limits: Limits): Promise<Holder | undefined> {
    await using connection = await SshConnection.connect(where.host, limits)
    await using store = where.database
      ? await LockDatabase.open(where.database, limits)
      : new HostLocks((command, within) => connection.exec(command, within))
    return await store.holder(name, limits)
  }

  /** Connects unless connected; a connection that was lost is replaced. @throws as `SshConnection.connect`, `ERR_DISPOSED` */
  async connect(limits: Limits): Promise<void> {
    using time = new LimitedTime(limits, () => ({ where: ` (connecting to ${this.where.host.host} by SSH)` }))
    // The lock may be renewed while the board is connected anew: one connection serves both.
    while (this.connecting) await Promise.race([this.connecting.catch(() => undefined), time.over()])
    if (this.connection && !this.connection.lost.aborted) return
    this.connecting = this.replace({ signal: time.signal, timeoutMs: limits.timeoutMs })
    try {
      await this.connecting
    } finally {
      this.connecting = undefined
    }
  }

  private async replace(limits: Limits): Promise<void> {
    await this.connection?.close()
    this.connection = undefined
    const connection = await SshConnection.connect(this.where.host, limits)
    // One that comes too late has nobody to close it.
    if (limits.signal?.aborted || this.released) await connection.close()
    else this.connection = connection
  }

  /** Runs a command on the board, connecting first where the connection was lost. */
  private async exec(command: string, limits: Limits): Promise<Finished> {
    await this.connect(limits)
    return await this.ssh.exec(command, limits)
  }

  get ssh(): SshConnection {
    if (this.connection) return this.connection
    throw new TvmNodeError('ERR_CONNECTION', `${this.where.host.host} is not connected`)
  }

  /** Aborted, with the reason, when the board may be another's. */
  get lost(): AbortSignal | undefined {
    return this.lease?.lost
  }

  /** Ends the connection, unless it is what the board is held by. */
  async disconnect(): Promise<void> {
    if (!this.isOnHost) await this.connection?.close()
  }

  /**
   * Gives the board back, also over a connection that must be made anew.
   *
   * @param limits - `restarting`: whether the board was told to restart. A lock on it is left to its lease then, which counts from the
   * start of the board.
   * @throws as `Lease.release`
   */
  async release({
    restarting = false,
    ...limits
  }: Limits & { readonly restarting?: boolean } = {}): Promise<void> {
    try {
      if (restarting && this.isOnHost) this.lease?.leave()
      else await this.lease?.release(limits)
    } finally {
      this.released = true
      await this.store[Symbol.asyncDispose]()
      await this.connection?.close()
    }
  }
}
