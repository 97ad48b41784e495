import { randomUUID } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { parseConfig } from '../config/check.js'
import { TvmNodeError } from '../errors.js'
import { revivedError } from '../process/protocol.js'
import type { NewResult } from './database.js'
import {
  type ResultFilter,
  type ResultRecord,
  resultRecordSchema,
  type StoredResult,
  type WholeResult,
} from './record.js'
import type { StoreRequest } from './worker.js'

interface Reply {
  readonly id: number
  readonly result?: unknown
  readonly error?: Parameters<typeof revivedError>[0]
}

interface Pending {
  readonly resolve: (result: never) => void
  readonly reject: (error: unknown) => void
}

interface Waiting extends Pending {
  readonly record: NewResult
}

/**
 * Results in one file that several processes may use at once. The file is worked on by a thread of its own, so that nothing here
 * holds up the event loop. A record counts as kept once the promise of `add` is fulfilled; a process killed before loses
 * what was not, and never half of one.
 */
export class ResultStore {
  private readonly pending = new Map<number, Pending>()
  private nextId = 1
  /** Records that come while others are written go together with the next. */
  private waiting: Waiting[] = []
  private writing: Promise<void> | undefined
  private ended: unknown
  private closing: Promise<void> | undefined

  private constructor(
    readonly path: string,
    private readonly worker: Worker,
  ) {
    worker.on('message', (reply: Reply) => this.receive(reply))
    worker.on('error', (error) => this.finish(error))
    worker.on('exit', () => this.finish(disposed()))
  }

  /**
   * Opens the file, and makes one where there is none. A damaged file is set aside; what can be read of it is kept.
   *
   * @throws `ERR_NOT_AVAILABLE` without the `libsql` package; `ERR_RESULTS`; `ERR_RESULTS_VERSION` for a file of a newer version
   */
  static async open(path: string): Promise<ResultStore> {
    const worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: { path },
      // Not those of the host, such as --input-type.
      execArgv: [],
    })
    const store = new ResultStore(path, worker)
    try {
      await store.ask('open')
      return store
    } catch (error) {
      await worker.terminate()
      throw error
    }
  }

  /**
   * Keeps a record.
   *
   * @returns Its number in the store.
   * @throws `ERR_CONFIG` for a record with unknown or wrong parts; `ERR_RESULTS`; `ERR_DISPOSED`
   */
  async add(input: ResultRecord): Promise<number> {
    this.guard()
    const checked = parseConfig(resultRecordSchema, input, 'result')
    const record = { ...checked, uid: randomUUID(), created_at: Date.now() } as NewResult
    const kept = new Promise<number>((resolve, reject) => this.waiting.push({ record, resolve, reject }))
    this.writing ??= this.write().finally(() => {
      this.writing = undefined
    })
    return kept
  }

  private async write(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0)
      try {
        const ids = (await this.ask(
          'add',
          batch.map(({ record }) => record),
        )) as number[]
        for (const [i, { resolve }] of batch.entries()) resolve(ids[i] as never)
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
  }

  /** Records that pass a filter, newest first, without their larger parts. @throws `ERR_RESULTS`, `ERR_DISPOSED` */
  list(filter: ResultFilter = {}): Promise<StoredResult[]> {
    return this.ask('list', filter) as Promise<StoredResult[]>
  }

  /** One record, whole. @throws `ERR_NO_RESULT`, `ERR_RESULTS`, `ERR_DISPOSED` */
  async get(id: number): Promise<WholeResult> {
    const found = (await this.ask('get', id)) as WholeResult | undefined
    if (found) return found
    throw new TvmNodeError('ERR_NO_RESULT', `${this.path} has no result number ${id}`, { details: { id } })
  }

  /** How many records there are. @throws `ERR_DISPOSED`, `ERR_RESULTS` */
  count(): Promise<number> {
    return this.ask('count') as Promise<number>
  }

  /** Whether `dispose` was called. */
  get disposed(): boolean {
    return this.closing !== undefined
  }

  /** Closes the file after what was asked before. Safe to call twice. */
  dispose(): Promise<void> {
    this.closing ??= this.close()
    return this.closing
  }
  /** As `dispose`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }

  private async close(): Promise<void> {
    await this.writing
    if (this.ended !== undefined) return
    const gone = new Promise((resolve) => this.worker.once('exit', resolve))
    await this.send('close', []).catch(() => undefined)
    await gone
  }

  private async ask(method: StoreRequest['method'], ...args: readonly unknown[]): Promise<unknown> {
    // What waits to be written is written before the store closes.
    if (method !== 'add') this.guard()
    return this.send(method, args)
  }

  private send(method: StoreRequest['method'], args: readonly unknown[]): Promise<unknown> {
    const id = this.nextId++
    return new Promise((resolve, reject) => {
      if (this.ended !== undefined) return reject(this.ended)
      this.pending.set(id, { resolve, reject })
      // An idle store does not keep its process running.
      this.worker.ref()
      this.worker.postMessage({ id, method, args } satisfies StoreRequest)
    })
  }

  private receive({ id, result, error }: Reply): void {
    const pending = this.pending.get(id)
    this.pending.delete(id)
    if (this.pending.size === 0 && !this.closing) this.worker.unref()
    if (error) pending?.reject(revivedError(error))
    else pending?.resolve(result as never)
  }

  private finish(error: unknown): void {
    this.ended ??= error
    for (const { reject } of this.pending.values()) reject(this.ended)
    this.pending.clear()
  }

  private guard(): void {
    if (this.disposed) throw disposed()
  }
}

function disposed(): TvmNodeError {
  return new TvmNodeError('ERR_DISPOSED', 'this store of results was disposed of')
}
