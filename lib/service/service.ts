import { realpath } from 'node:fs/promises'
import { resolve, sep } from 'node:path'
import type { z } from 'zod'
import { TvmBackend } from '../backend/backend.js'
import type { EvaluationOptions } from '../backend/evaluation.js'
import { type ListedBoard, listBoards } from '../boards/list.js'
import { parseConfig } from '../config/check.js'
import { TvmNodeError } from '../errors.js'
import { ResultStore } from '../results/store.js'
import { type Address, LOOPBACK } from '../rpc/address.js'
import { EventHub } from './events.js'
import type { HttpFront } from './http.js'
import { type ServiceLimits, serviceLimitsSchema } from './limits.js'
import { Registry } from './registry.js'
import type { createSchema } from './schemas.js'
import type { ServedBackend } from './served-backend.js'
import { newToken } from './token.js'

/** The first port that is tried unless another is named. */
export const SERVICE_PORT = 9290

/** Where a service listens, who may ask, and what it takes at most. */
export interface ServiceOptions {
  /** Where to listen; default loopback. */
  readonly host?: string
  /** Default 9290, or the next that is free up to `portEnd`; 0 for any. */
  readonly port?: number
  readonly portEnd?: number
  /** Path of a Unix socket to listen on instead. */
  readonly socket?: string
  /** What requests must carry; default a new one of 256 random bits. */
  readonly token?: string
  /** Folders from which clients may name models by their path; default none. */
  readonly roots?: readonly string[]
  /** File in which results of evaluations are kept, and from which clients read; default none. */
  readonly results?: string
  readonly limits?: Partial<ServiceLimits>
  /** Hears what went wrong. */
  readonly onLog?: (line: string) => void
}

/** Milliseconds for which the state of boards is not asked for again. */
const BOARDS_FRESH = 5_000

/**
 * The backend for trainers in any language, over HTTP and WebSocket, with a page that shows what goes on. `docs/openapi.json`
 * describes it. Whoever has the token can do what this user can.
 */
export class Service {
  /** What requests must carry. */
  readonly token: string
  readonly limits: ServiceLimits
  /** @hidden */
  readonly events: EventHub
  /** @hidden */
  readonly backends: Registry
  private readonly front: HttpFront
  private opened: Promise<ResultStore> | undefined
  private listed: { readonly at: number; readonly boards: Promise<readonly ListedBoard[]> } | undefined
  private closing: Promise<void> | undefined

  private constructor(
    private readonly options: ServiceOptions,
    Front: typeof HttpFront,
  ) {
    this.limits = parseConfig(serviceLimitsSchema, options.limits ?? {}, 'limits')
    this.token = options.token ?? newToken()
    this.events = new EventHub(this.limits)
    this.backends = new Registry(this.events, this.limits)
    this.front = new Front(this, options.onLog ?? (() => undefined))
  }

  /** @throws `ERR_LISTEN`, `ERR_CONFIG`, `ERR_INVALID_ARGUMENT` for a token that is too short */
  static async start(options: ServiceOptions = {}): Promise<Service> {
    if (options.token !== undefined && !/^[\w.~+/=-]{16,}$/.test(options.token)) {
      throw new TvmNodeError(
        'ERR_INVALID_ARGUMENT',
        'the token must have at least 16 letters, digits or signs of - . _ ~ + / =',
      )
    }
    // With its schemas and WebSocket it takes a while to read, which those who serve nothing are spared.
    const { HttpFront } = await import('./http.js')
    const service = new Service(options, HttpFront)
    const { socket, host = LOOPBACK, port = SERVICE_PORT, portEnd } = options
    const place =
      socket === undefined ? { host, port, ...(portEnd !== undefined && { portEnd }) } : { socket }
    try {
      await service.front.listen(place)
    } catch (error) {
      await service.close()
      throw error
    }
    return service
  }

  /** Undefined on a Unix socket. */
  get address(): Address | undefined {
    return this.front.address
  }

  /** Where requests go; undefined on a Unix socket. */
  get origin(): string | undefined {
    return this.front.url
  }

  /** What a browser opens to see the page; carries the token. Undefined on a Unix socket. */
  get url(): string | undefined {
    return this.origin && `${this.origin}/?token=${this.token}`
  }

  /** How much there is to do: backends, requests in work, clients that hear events; and whether results are kept. */
  get load() {
    return {
      backends: this.backends.all.length,
      requests: this.front.requests,
      listeners: this.events.size,
      results: this.options.results !== undefined,
    }
  }

  /** Shows a backend of this program on the page. It stays the program's own. @returns What ends that. */
  watch(backend: TvmBackend, name?: string): () => Promise<void> {
    const served = this.backends.add(backend, undefined, name)
    return () => this.backends.remove(served)
  }

  /** @internal */
  create({ evaluation, name, ...config }: z.output<typeof createSchema>): Promise<ServedBackend> {
    const { board } = config
    if (typeof board === 'string' && /[/\\]|\.yml$/.test(board)) {
      throw new TvmNodeError(
        'ERR_FORBIDDEN',
        'a board must be named or described; paths are not read for clients',
      )
    }
    const { results = null } = this.options
    return this.backends.create(async () => {
      const backend = await TvmBackend.create({ ...config, results })
      return { backend, evaluation: backend.evaluation(hookOptions(evaluation)) }
    }, name)
  }

  /** @internal A path that a client named. @throws `ERR_FORBIDDEN`, `ERR_MODEL_READ` */
  async allowed(path: string): Promise<string> {
    const { roots = [] } = this.options
    const folders = await Promise.all(roots.map((root) => realpath(root)))
    const refused = new TvmNodeError(
      'ERR_FORBIDDEN',
      folders.length > 0
        ? 'the file is in no folder that is open to clients'
        : 'no folder is open to clients: send the bytes of the model, or start the service with --root',
    )
    if (!folders[0]) throw refused
    const found = await realpath(resolve(folders[0], path)).catch(() => {
      throw refused
    })
    if (!folders.some((folder) => found.startsWith(folder === sep ? sep : folder + sep))) throw refused
    return found
  }

  /** @internal */
  boards(): Promise<readonly ListedBoard[]> {
    const now = Date.now()
    if (!this.listed || now - this.listed.at > BOARDS_FRESH) this.listed = { at: now, boards: listBoards() }
    return this.listed.boards
  }

  /** @internal @throws `ERR_NOT_FOUND` for a service that keeps none; as `ResultStore.open` */
  store(): Promise<ResultStore> {
    const { results } = this.options
    if (results === undefined) {
      throw new TvmNodeError('ERR_NOT_FOUND', 'the service keeps no results; start it with --results')
    }
    this.opened ??= ResultStore.open(results)
    this.opened.catch(() => {
      this.opened = undefined
    })
    return this.opened
  }

  /** Ends all connections and disposes of the backends that clients made. Safe to call twice. */
  close(): Promise<void> {
    this.closing ??= this.end()
    return this.closing
  }
  /** As `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  private async end(): Promise<void> {
    await this.front.close()
    this.events.close()
    await this.backends.close()
    await (await this.opened?.catch(() => undefined))?.dispose()
  }
}

type Evaluated = z.output<typeof createSchema>['evaluation']

function hookOptions({ validation, test, repeat, ...both }: Evaluated): EvaluationOptions {
  return {
    ...stageOptions(both),
    ...(validation && { validation: stageOptions(validation) }),
    ...(test && { test: stageOptions(test) }),
    ...(repeat !== undefined && { repeat }),
  }
}

function stageOptions({
  policy,
  time_budget_ms: timeBudgetMs,
}: Omit<Evaluated, 'validation' | 'test' | 'repeat'>) {
  return { ...(policy && { policy }), ...(timeBudgetMs !== undefined && { timeBudgetMs }) }
}
