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

/** Automate's database of locks, with the ways to it. */
export class LockDatabase implements LockStore {
  private constructor(
    private readonly locks: PostgresLocks,
    private readonly connections: readonly SshConnection[],
  ) {}

  /** @throws `ERR_NOT_AVAILABLE` without the `pg` package, `ERR_LISTEN`, and as `SshConnection.connect` */
  static async open({ postgres, tunnels }: LockDatabaseSettings, limits: Limits): Promise<LockDatabase> {
    const connections: SshConnection[] = []
    try {
      for (const { host, localPort, remotePort } of tunnels) {
        if (await isReachable({ host: LOOPBACK, port: localPort })) continue
        const connection = await SshConnection.connect(host, limits)
        connections.push(connection)
        await connection.forward({ host: LOOPBACK, port: remotePort }, localPort)
      }
      return new LockDatabase(await PostgresLocks.open(postgres), connections)
    } catch (error) {
      for (const connection of connections) await connection.close()
      throw error
    }
  }

  take(board: string, owner: string, leaseMs: number, limits?: Limits): Promise<Holder | undefined> {
    return this.locks.take(board, owner, leaseMs, limits)
  }
  renew(board: string, owner: string, leaseMs: number, limits?: Limits): Promise<boolean> {
    return this.locks.renew(board, owner, leaseMs, limits)
  }
  release(board: string, owner: string, limits?: Limits): Promise<void> {
    return this.locks.release(board, owner, limits)
  }
  holder(board: string, limits?: Limits): Promise<Holder | undefined> {
    return this.locks.holder(board, limits)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.locks[Symbol.asyncDispose]()
    for (const connection of this.connections) await connection.close()
  }
}
