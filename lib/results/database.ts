import { randomUUID } from 'node:crypto'
import { copyFileSync, existsSync, linkSync, renameSync, rmSync } from 'node:fs'
import type { Database } from 'libsql'
import { TvmNodeError } from '../errors.js'
import { decodeJson, encodeJson } from './json.js'
import type { ResultFilter, StoredResult, WholeResult } from './record.js'
import { migrations, plainColumns, SCHEMA_VERSION } from './schema.js'

type DatabaseConstructor = new (path: string) => Database

/** A checked record with what makes it unique, so that adding it twice keeps one. */
export interface NewResult extends Omit<WholeResult, 'id'> {
  readonly uid: string
}

/** Milliseconds that a write waits while other processes write. */
const PATIENCE_MS = 60_000
const DEFAULT_LIMIT = 50

/** Results in one SQLite file that several processes may use at once. Every call blocks: it is for a thread of its own. */
export class ResultDatabase {
  private database: Database

  private constructor(
    private readonly Driver: DatabaseConstructor,
    readonly path: string,
  ) {
    this.database = this.open()
  }

  /**
   * Opens a store, and makes one where there is none.
   *
   * @throws `ERR_NOT_AVAILABLE` without the `libsql` package; `ERR_RESULTS`, `ERR_RESULTS_VERSION`
   */
  static async open(path: string): Promise<ResultDatabase> {
    try {
      const { default: Driver } = await import('libsql')
      return new ResultDatabase(Driver as unknown as DatabaseConstructor, path)
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause
      throw new TvmNodeError('ERR_NOT_AVAILABLE', "results need the package 'libsql': npm install libsql", {
        cause,
      })
    }
  }

  private open(): Database {
    try {
      return this.connect(this.path)
    } catch (error) {
      if (!isDamage(error)) throw this.failure(error)
      this.mend()
      return this.connect(this.path)
    }
  }

  private connect(path: string): Database {
    const database = new this.Driver(path)
    try {
      return this.prepare(database)
    } catch (error) {
      database.close()
      throw error
    }
  }

  private prepare(database: Database): Database {
    database.pragma(`busy_timeout = ${PATIENCE_MS}`)
    const version = versionOf(database)
    if (version > SCHEMA_VERSION) {
      throw new TvmNodeError(
        'ERR_RESULTS_VERSION',
        `${this.path} was written by a newer version of tvm-node (its layout is ${version}, this version knows ${SCHEMA_VERSION}); update tvm-node or use another file`,
        { details: { path: this.path, version, known: SCHEMA_VERSION } },
      )
    }
    database.pragma('journal_mode = WAL')
    // A killed process loses nothing; only a power failure may lose the last moments.
    database.pragma('synchronous = NORMAL')
    database.pragma('foreign_keys = ON')
    if (version < SCHEMA_VERSION) migrate(database)
    return database
  }

  /** Keeps records, all or none. @returns Their numbers in the store. */
  add(records: readonly NewResult[]): number[] {
    return this.perform((database) => {
      const columns = ['uid', 'created_at', ...plainColumns, 'versions', 'metrics']
      const insert = database.prepare(
        `INSERT INTO result (${columns.join(', ')}) VALUES (${columns.map((name) => `@${name}`).join(', ')}) ON CONFLICT (uid) DO NOTHING`,
      )
      const find = database.prepare('SELECT id FROM result WHERE uid = ?').raw()
      const insertDetail = database.prepare('INSERT OR IGNORE INTO detail VALUES (?, ?, ?)')
      return transact(database, () =>
        records.map((record) => {
          const { details, versions, metrics, uid, created_at } = record
          const plain = Object.fromEntries(plainColumns.map((name) => [name, record[name] ?? null]))
          insert.run({
            ...plain,
            uid,
            created_at,
            versions: encodeJson(versions),
            metrics: encodeJson(metrics),
          })
          const [id] = find.get(uid) as [number]
          for (const [name, value] of Object.entries(details)) {
            if (value !== undefined) insertDetail.run(id, name, encodeJson(value))
          }
          return id
        }),
      )
    })
  }

  /** Records that pass a filter, newest first. */
  list({ limit = DEFAULT_LIMIT, since, ...equal }: ResultFilter = {}): StoredResult[] {
    const wanted = Object.entries(equal).filter(([, value]) => value !== undefined)
    const conditions = wanted.map(([name]) => `${name} = @${name}`)
    if (since !== undefined) conditions.push('created_at >= @since')
    const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''
    return this.perform((database) =>
      (
        database
          .prepare(`SELECT * FROM result ${where} ORDER BY id DESC LIMIT @limit`)
          .all({ ...Object.fromEntries(wanted), ...(since !== undefined && { since }), limit }) as Row[]
      ).map(revive),
    )
  }

  /** One record with its larger parts. */
  get(id: number): WholeResult | undefined {
    return this.perform((database) => {
      const [row] = database.prepare('SELECT * FROM result WHERE id = ?').all(id) as Row[]
      if (!row) return undefined
      const details = database.prepare('SELECT name, value FROM detail WHERE result = ?').raw().all(id)
      return { ...revive(row), details: reviveDetails(details as [string, string][]) }
    })
  }

  count(): number {
    return this.perform((database) => {
      const [count] = database.prepare('SELECT count(*) FROM result').raw().get() as [number]
      return count
    })
  }

  close(): void {
    this.database.close()
  }

  private perform<T>(work: (database: Database) => T): T {
    try {
      return work(this.database)
    } catch (error) {
      if (!isDamage(error)) throw this.failure(error)
      this.database.close()
      this.mend()
      this.database = this.open()
      return work(this.database)
    }
  }

  /** Sets a damaged file aside and starts another with all that can still be read of it. */
  private mend(): void {
    const aside = `${this.path}.damaged-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`
    const scratch = `${this.path}.${randomUUID()}`
    const copy = `${scratch}.copy`
    try {
      salvage(new this.Driver(this.path), this.connect(scratch))
      // Whoever comes second finds the mended file.
      renameSync(this.path, aside)
      for (const suffix of ['-wal', '-shm']) {
        if (existsSync(this.path + suffix)) renameSync(this.path + suffix, aside + suffix)
      }
      // Of its own, since SQLite takes the files beside one that it had open before by the first one's name.
      copyFileSync(scratch, copy)
      linkSync(copy, this.path)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT' && code !== 'EEXIST') throw this.failure(error)
    } finally {
      for (const suffix of ['', '-wal', '-shm']) rmSync(scratch + suffix, { force: true })
      rmSync(copy, { force: true })
    }
    process.emitWarning(
      `${this.path} was damaged; what could be read of it was kept, the rest is in ${aside}`,
    )
  }

  private failure(error: unknown): unknown {
    if (error instanceof TvmNodeError) return error
    const { message } = error as Error
    const why = /FULL|disk is full/.test(`${(error as { code?: string }).code} ${message}`)
      ? 'the disk is full; make room and try again, nothing of what was kept is lost'
      : message
    return new TvmNodeError('ERR_RESULTS', `results in ${this.path}: ${why}`, {
      cause: error,
      details: { path: this.path },
    })
  }
}

type Row = Record<string, unknown> & { versions: string; metrics: string }

function revive({ uid: _uid, versions, metrics, ...row }: Row): StoredResult {
  const present = Object.entries(row).filter(([, value]) => value !== null)
  const json = { versions: decodeJson(versions), metrics: decodeJson(metrics) }
  return { ...Object.fromEntries(present), ...json } as unknown as StoredResult
}

function reviveDetails(rows: readonly [string, string][]): Record<string, unknown> {
  return Object.fromEntries(rows.map(([name, value]) => [name, decodeJson(value)]))
}

function versionOf(database: Database): number {
  const [version] = database.prepare('PRAGMA user_version').raw().get() as [number]
  return version
}

function migrate(database: Database): void {
  transact(database, () => {
    // Another process may have been faster.
    for (const statements of migrations.slice(versionOf(database))) database.exec(statements)
    database.pragma(`user_version = ${SCHEMA_VERSION}`)
  })
}

/** Does work whole or not at all. At once the writer, so that two that read first do not wait for each other. */
function transact<T>(database: Database, work: () => T): T {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    database.exec('COMMIT')
    return result
  } catch (error) {
    // Full disks make SQLite roll back by itself; to roll back again would hide the reason.
    if (database.inTransaction) database.exec('ROLLBACK')
    throw error
  }
}

/** SQLite's results for a file whose pages make no sense. */
function isDamage(error: unknown): boolean {
  const { code } = error as { code?: unknown }
  return code === 'SQLITE_CORRUPT' || code === 'SQLITE_NOTADB'
}

/** Copies row by row what can be read. */
function salvage(from: Database, to: Database): void {
  try {
    for (const table of ['result', 'detail']) {
      const key = table === 'result' ? 'id' : 'result'
      const last = attempt(() => from.prepare(`SELECT max(${key}) FROM ${table}`).raw().get() as [number])
      for (let id = 1; id <= (last?.[0] ?? 0); id++) {
        const rows = attempt(() => from.prepare(`SELECT * FROM ${table} WHERE ${key} = ?`).raw().all(id))
        for (const row of (rows ?? []) as unknown[][]) {
          const places = row.map(() => '?').join(', ')
          attempt(() => to.prepare(`INSERT OR IGNORE INTO ${table} VALUES (${places})`).run(...row))
        }
      }
    }
    to.pragma('wal_checkpoint(TRUNCATE)')
  } finally {
    from.close()
    to.close()
  }
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}
