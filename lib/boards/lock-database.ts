import type { Limits } from '../limits.js'
import type { Holder, LockStore } from '../locks/lock-store.js'
import { PostgresLocks, type PostgresSettings } from '../locks/postgres-locks.js'
import { LOOPBACK } from '../rpc/address.js'
import { isReachable } from '../rpc/reachable.js'
import { SshConnection, type SshHost } from '../ssh/connection.js'

/** A port of this machine that leads to one of a host. */
export interface Tunnel {
  readonly host: SshHost
  readonly localPort: number
  readonly remotePort: number
}

export interface LockDatabaseSettings {
  readonly postgres: PostgresSettings
  /** Opened for as long as the database is used, unless somebody has them open. */
  readonly tunnels: readonly Tunnel[]
}

/** Automate's database of locks, with the ways to it, which are opened anew when they are lost. */
export class LockDatabase implements LockStore {
  private readonly connections = new Map<Tunnel, SshConnection>()
  private opening: Promise<void> | undefined
  private isDisposed = false

  private constructor(
    private readonly locks: PostgresLocks,
    private readonly tunnels: readonly Tunnel[],
  ) {}

  /** @throws `ERR_NOT_AVAILABLE` without the `pg` package, `ERR_LISTEN`, and as `SshConnection.connect` */
  static async open({ postgres, tunnels }: LockDatabaseSettings, limits: Limits): Promise<LockDatabase> {
    const database = new LockDatabase(await PostgresLocks.open(postgres), tunnels)
    try {
      await database.reach(limits)
      return database
    } catch (error) {
      await database[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Opens the ways that are not open. */
  private async reach(limits: Limits): Promise<PostgresLocks> {
    const lost = this.tunnels.some((tunnel) => this.connections.get(tunnel)?.lost.aborted ?? true)
    if (lost) {
      this.opening ??= this.openTunnels(limits).finally(() => {
        this.opening = undefined
      })
      await this.opening
    }
    return this.locks
  }

  private async openTunnels(limits: Limits): Promise<void> {
    for (const tunnel of this.tunnels) {
      const { host, localPort, remotePort } = tunnel
      const before = this.connections.get(tunnel)
      if (before && !before.lost.aborted) continue
      await before?.close()
      this.connections.delete(tunnel)
      if (await isReachable({ host: LOOPBACK, port: localPort })) continue
      const connection = await SshConnection.connect(host, limits)
      // One that comes too late has nobody to close it.
      if (this.isDisposed) return await connection.close()
      this.connections.set(tunnel, connection)
      await connection.forward({ host: LOOPBACK, port: remotePort }, localPort)
    }
  }

  async take(
    board: string,
    owner: string,
    leaseMs: number,
    limits: Limits = {},
  ): Promise<Holder | undefined> {
    return (await this.reach(limits)).take(board, owner, leaseMs, limits)
  }
  async renew(board: string, owner: string, leaseMs: number, limits: Limits = {}): Promise<boolean> {
    return (await this.reach(limits)).renew(board, owner, leaseMs, limits)
  }
  async release(board: string, owner: string, limits: Limits = {}): Promise<void> {
    return (await this.reach(limits)).release(board, owner, limits)
  }
  async holder(board: string, limits: Limits = {}): Promise<Holder | undefined> {
    return (await this.reach(limits)).holder(board, limits)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isDisposed = true
    await this.locks[Symbol.asyncDispose]()
    for (const connection of this.connections.values()) await connection.close()
  }
}
