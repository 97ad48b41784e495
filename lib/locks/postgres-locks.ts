import type { Pool, QueryResultRow } from 'pg'
import { TvmNodeError } from '../errors.js'
import { LimitedTime, type Limits } from '../limits.js'
import type { Holder, LockStore } from './lock-store.js'

/** The database of automate's settings; what is left out is Postgres's usual (`PGHOST`, `~/.pgpass`, ...). */
export interface PostgresSettings {
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly db?: string | undefined
  readonly user?: string | undefined
  readonly password?: string | undefined
}

/** Milliseconds for a connection, and for an answer. */
const CONNECT = 10_000
const ANSWER = 10_000

/** Codes of Postgres's own answers; those of classes 08 and 57P say that it is not there now. */
const ANSWERED = /^(?!08|57P)[0-9A-Z]{5}$/
const UNDEFINED_TABLE = '42P01'
/** What the losers of a race to create the table hear. */
const EXISTS = new Set(['42P07', '23505'])

/** One statement for each step, so that no two can be between reading and writing; all times are the server's. */
const statements = {
  take: `INSERT INTO locks (board_name, user_id, lease) VALUES ($1, $2, now() + make_interval(secs => $3))
    ON CONFLICT (board_name) DO UPDATE SET user_id = excluded.user_id, lease = greatest(locks.lease, excluded.lease)
    WHERE locks.lease <= now() OR locks.user_id = excluded.user_id`,
  renew: `UPDATE locks SET lease = greatest(lease, now() + make_interval(secs => $3))
    WHERE board_name = $1 AND user_id = $2 AND lease > now()`,
  release: 'DELETE FROM locks WHERE board_name = $1 AND user_id = $2',
  holder: `SELECT user_id, extract(epoch FROM lease - now())::float8 AS left FROM locks
    WHERE board_name = $1 AND lease > now()`,
  create: `CREATE TABLE IF NOT EXISTS locks (board_name varchar(255) UNIQUE NOT NULL, user_id varchar(255) NOT NULL,
    lease timestamptz NOT NULL)`,
} as const

/** Locks in automate's table, which automate's own users see and respect. The table is made where it is missing. */
export class PostgresLocks implements LockStore {
  private constructor(
    private readonly pool: Pool,
    private readonly where: string,
  ) {}

  /** Nothing is connected before the first call. @throws `ERR_NOT_AVAILABLE` without the `pg` package */
  static async open({ db, ...settings }: PostgresSettings = {}): Promise<PostgresLocks> {
    const pool = new (await driver())({
      ...settings,
      database: db,
      max: 2,
      connectionTimeoutMillis: CONNECT,
      query_timeout: ANSWER,
      keepAlive: true,
      allowExitOnIdle: true,
      application_name: 'tvm-node',
    })
    // A connection that breaks while nobody uses it is replaced when one is needed.
    pool.on('error', () => undefined)
    const { host = process.env.PGHOST ?? 'localhost', port = process.env.PGPORT ?? 5432 } = settings
    return new PostgresLocks(pool, `the lock database at ${host}:${port}`)
  }

  async take(
    board: string,
    owner: string,
    leaseMs: number,
    limits: Limits = {},
  ): Promise<Holder | undefined> {
    for (;;) {
      const { rowCount } = await this.query('take', [board, owner, leaseMs / 1000], limits)
      if (rowCount) return undefined
      const holder = await this.holder(board, limits)
      // None: it was given back in between.
      if (holder) return holder
    }
  }

  async renew(board: string, owner: string, leaseMs: number, limits: Limits = {}): Promise<boolean> {
    const { rowCount } = await this.query('renew', [board, owner, leaseMs / 1000], limits)
    return rowCount === 1
  }

  async release(board: string, owner: string, limits: Limits = {}): Promise<void> {
    await this.query('release', [board, owner], limits)
  }

  async holder(board: string, limits: Limits = {}): Promise<Holder | undefined> {
    const { rows } = await this.query<{ user_id: string; left: number }>('holder', [board], limits)
    const [row] = rows
    return row && { owner: row.user_id, leftMs: Math.ceil(row.left * 1000) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.pool.ended) await this.pool.end()
  }

  /** @throws `ERR_CONNECTION`, `ERR_LOCK_STORE`, `ERR_TIMEOUT`, the signal's reason */
  private async query<Row extends QueryResultRow>(
    name: keyof typeof statements,
    values: unknown[],
    limits: Limits,
  ): Promise<{ rows: Row[]; rowCount: number | null }> {
    using time = new LimitedTime(limits, () => ({ where: ` (${this.where})` }))
    try {
      return await Promise.race([this.pool.query<Row>(statements[name], values), time.over()])
    } catch (cause) {
      if (time.signal.aborted) throw cause
      const { code } = cause as { code?: string }
      if (code === UNDEFINED_TABLE && name !== 'create') {
        await this.query('create', [], limits).catch((error) => {
          if (!EXISTS.has(error.details?.sqlState)) throw error
        })
        return this.query(name, values, limits)
      }
      throw this.failure(cause as Error, code)
    }
  }

  private failure(cause: Error, code: string | undefined): TvmNodeError {
    const answered = code !== undefined && ANSWERED.test(code)
    const message = `${this.where} ${answered ? 'refused' : 'does not answer'}: ${cause.message}`
    return new TvmNodeError(answered ? 'ERR_LOCK_STORE' : 'ERR_CONNECTION', message, {
      cause,
      details: { sqlState: code },
    })
  }
}

async function driver(): Promise<typeof Pool> {
  try {
    return (await import('pg')).default.Pool
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause
    throw new TvmNodeError('ERR_NOT_AVAILABLE', "locks in a database need the package 'pg': npm install pg", {
      cause,
    })
  }
}
