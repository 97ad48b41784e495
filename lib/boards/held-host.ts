import { isTvmNodeError, TvmNodeError } from '../errors.js'
import type { Limits } from '../limits.js'
import { HostLocks } from '../locks/host-locks.js'
import { Lease } from '../locks/lease.js'
import type { Holder, LockStore } from '../locks/lock-store.js'
import { SshConnection } from '../ssh/connection.js'
import type { BoardHost } from './board-host.js'
import { LockDatabase } from './lock-database.js'

/** Milliseconds for a connection that only gives a board back. */
const FAREWELL = 10_000

/**
 * A machine that this run holds and is connected with. Held by automate's database where it has one, else by a lock on the machine
 * itself.
 */
export class HeldHost {
  private connection: SshConnection | undefined
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
      : new HostLocks((command, within) => held.ssh.exec(command, within))
    const held: HeldHost = new HeldHost(where, store, !database)
    try {
      if (!database) await held.connect(limits)
      const { signal, timeoutMs } = limits
      const left = timeoutMs === undefined ? undefined : Math.max(1, timeoutMs - (performance.now() - begun))
      held.lease = await Lease.acquire(store, name, { signal, timeoutMs: left })
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

  /** Connects unless connected; a connection that was lost is replaced. @throws as `SshConnection.connect` */
  async connect(limits: Limits): Promise<void> {
    if (this.connection && !this.connection.lost.aborted) return
    await this.connection?.close()
    this.connection = undefined
    const connection = await SshConnection.connect(this.where.host, limits)
    // One that comes too late has nobody to close it.
    if (limits.signal?.aborted) await connection.close()
    else this.connection = connection
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

  /** Gives the board back. */
  async release(): Promise<void> {
    try {
      if (this.isOnHost && this.lease) await this.connect({ timeoutMs: FAREWELL })
      await this.lease?.release()
    } finally {
      await this.store[Symbol.asyncDispose]()
      await this.connection?.close()
    }
  }
}
