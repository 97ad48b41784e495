import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { z } from 'zod'
import { parseConfig } from '../config/check.js'
import { isTvmNodeError, TvmNodeError } from '../errors.js'
import { type Address, formatAddress, type ListenOptions, listenFirst } from '../rpc/address.js'
import { BodyReader } from './body.js'
import { EventFront } from './event-front.js'
import { pageFile, pageHeaders } from './page.js'
import { type Call, type ModelBody, matching, type Reply, type Route } from './route.js'
import { routes } from './routes/index.js'
import type { Service } from './service.js'
import { listenOnSocket } from './socket.js'
import { errorReply } from './status.js'
import { TokenGate } from './token.js'
import { toJson } from './wire.js'

/** Milliseconds for which what a refused client still sends is read and thrown away, so that it gets its answer. */
const FAREWELL = 5_000
/** Milliseconds that an idle connection stays: longer than clients keep theirs, which would send a request while it is being closed. */
const IDLE = 65_000
/** Seconds after which a client that met a limit may try again. */
const RETRY_AFTER = '1'

/** The service's side towards HTTP: who may ask, what is asked, and how it is answered. */
export class HttpFront {
  private readonly server: Server
  private readonly bodies: BodyReader
  private readonly eventFront: EventFront
  private gate: TokenGate
  private bound: Address | undefined
  private active = 0

  constructor(
    private readonly service: Service,
    private readonly log: (line: string) => void,
  ) {
    const { limits } = service
    this.bodies = new BodyReader(limits)
    this.eventFront = new EventFront(service.events)
    this.gate = new TokenGate(service.token, 'tvm_node')
    const options = {
      requestTimeout: limits.arrivalMs,
      headersTimeout: Math.min(limits.arrivalMs, 20_000),
      keepAliveTimeout: IDLE,
      maxHeaderSize: 16_384,
    }
    this.server = createServer(options)
    this.server.maxConnections = limits.connections
    const receive = (request: IncomingMessage, response: ServerResponse) =>
      void this.receive(request, response)
    this.server.on('request', receive)
    // The client waits with its body until it is told to go on.
    this.server.on('checkContinue', receive)
    this.server.on('upgrade', (request, socket, head) => void this.upgrade(request, socket, head))
    this.server.on('clientError', (_error, socket) =>
      refuse(socket, 400, 'ERR_PROTOCOL', 'this is no HTTP request'),
    )
  }

  get address(): Address | undefined {
    return this.bound
  }
  get url(): string | undefined {
    return this.bound && `http://${formatAddress(this.bound)}`
  }
  /** Worked on now. */
  get requests(): number {
    return this.active
  }

  /** @throws `ERR_LISTEN` */
  async listen(place: ListenOptions | { readonly socket: string }): Promise<void> {
    if ('socket' in place) return listenOnSocket(this.server, place.socket)
    this.bound = await listenFirst(this.server, place)
    this.gate = new TokenGate(this.service.token, `tvm_node_${this.bound.port}`)
  }

  async close(): Promise<void> {
    this.eventFront.close()
    if (!this.server.listening) return
    const closed = new Promise((resolve) => this.server.close(resolve))
    this.server.closeAllConnections()
    await closed
  }

  private async receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A client that goes away in the middle is no fault of the service.
    request.on('error', () => undefined)
    response.on('error', () => undefined)
    const gone = new AbortController()
    response.once('close', () => {
      if (!response.writableFinished) {
        gone.abort(new TvmNodeError('ERR_CONNECTION', 'the client went away before its answer was ready'))
      }
    })
    this.active++
    try {
      await this.answer(request, response, gone.signal)
    } catch (error) {
      if (!isTvmNodeError(error)) this.log(`${request.method} ${pathOf(request)}: ${(error as Error).stack}`)
      fail(request, response, error)
    } finally {
      this.active--
    }
  }

  private async answer(
    request: IncomingMessage,
    response: ServerResponse,
    signal: AbortSignal,
  ): Promise<void> {
    const url = urlOf(request)
    const reading = request.method === 'GET' || request.method === 'HEAD'
    if (reading && url.pathname === '/' && this.login(url, response)) return
    if (!this.gate.admits(request, reading)) throw unauthorized()
    if (this.active > this.service.limits.requests) {
      throw new TvmNodeError(
        'ERR_OVERLOADED',
        `the service works on ${this.service.limits.requests} requests already`,
        {
          details: { limit: 'requests', most: this.service.limits.requests },
        },
      )
    }
    const found = matching(routes, url.pathname)
    if (found.length === 0 && reading && (await servePage(url.pathname, response))) return
    const { route, params } = choose(found, request, url.pathname)
    const query = queryOf(route, url)
    if (route.id === 'listEvents' && /\btext\/event-stream\b/.test(request.headers.accept ?? '')) {
      this.eventFront.stream(response, lastHeard(request, query))
      return
    }
    if (request.headers.expect !== undefined) response.writeContinue()
    await this.bodies.with(request, async (bytes) => {
      const body = bodyOf(route, request, bytes)
      const call = { service: this.service, params, query, body, signal } as Call<never, never>
      await send(response, await route.handle(call))
    })
  }

  /** A browser shows the token once and has a cookie from then on, so that it is in no history and no reference. */
  private login(url: URL, response: ServerResponse): boolean {
    const token = url.searchParams.get('token')
    if (token === null || !this.gate.isToken(token)) return false
    response.writeHead(303, { ...pageHeaders, location: '/', 'set-cookie': this.gate.cookie(token) }).end()
    return true
  }

  private upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy())
    try {
      if (!this.gate.admits(request, true)) throw unauthorized()
      const url = urlOf(request)
      const { route } = choose(matching(routes, url.pathname), request, url.pathname)
      if (route.id !== 'listEvents')
        throw new TvmNodeError('ERR_NOT_FOUND', `there is no WebSocket at ${url.pathname}`)
      this.eventFront.upgrade(request, socket, head, lastHeard(request, queryOf(route, url)))
    } catch (error) {
      const { status, error: told } = errorReply(error)
      refuse(socket, status, told.code, told.message)
    }
  }
}

function unauthorized(): TvmNodeError {
  return new TvmNodeError('ERR_UNAUTHORIZED', 'the token is missing or wrong')
}

function urlOf({ url = '/' }: IncomingMessage): URL {
  try {
    return new URL(url, 'http://service')
  } catch (cause) {
    throw new TvmNodeError('ERR_INVALID_ARGUMENT', 'the address of the request is none', { cause })
  }
}

function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?')[0] ?? ''
}

function choose(found: ReturnType<typeof matching>, { method = '' }: IncomingMessage, path: string) {
  const chosen = found.find(({ route }) => route.method === (method === 'HEAD' ? 'GET' : method))
  if (chosen) return chosen
  const methods = found.map(({ route }) => route.method)
  throw new TvmNodeError(
    'ERR_NOT_FOUND',
    methods.length > 0
      ? `${path} takes ${methods.join(' and ')}`
      : `there is nothing at ${path.slice(0, 200)}; /v1/openapi.json lists what there is`,
    { details: methods.length > 0 ? { methods } : {} },
  )
}

function queryOf(route: Route, url: URL): Record<string, unknown> {
  return checked(route.query ?? z.strictObject({}), Object.fromEntries(url.searchParams), 'query')
}

/** What a client says that it heard last, as browsers do when they connect again. */
function lastHeard({ headers }: IncomingMessage, query: Record<string, unknown>): number | undefined {
  const told = headers['last-event-id']
  return typeof told === 'string' && /^\d{1,15}$/.test(told)
    ? Number(told)
    : (query.after as number | undefined)
}

const pathSchema = z.strictObject({ path: z.string().min(1).max(4096) })

function bodyOf(route: Route, request: IncomingMessage, bytes: Buffer): unknown {
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase()
  if (route.body === undefined) return undefined
  if (typeof route.body !== 'string') return checked(route.body, parseJson(bytes), 'body')
  if (bytes.length === 0 && route.body === 'model?') return undefined
  if (type === 'application/json') return checked(pathSchema, parseJson(bytes), 'body')
  if (bytes.length > 0) return bytes satisfies ModelBody
  throw new TvmNodeError(
    'ERR_INVALID_ARGUMENT',
    'body: it must be the bytes of a model, or JSON with its path',
  )
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch (cause) {
    throw new TvmNodeError('ERR_INVALID_ARGUMENT', `body: it is no JSON: ${(cause as Error).message}`, {
      cause,
    })
  }
}

function checked<Schema extends z.ZodType>(schema: Schema, value: unknown, what: string): z.output<Schema> {
  try {
    return parseConfig(schema, value, what)
  } catch (cause) {
    if (!isTvmNodeError(cause, 'ERR_CONFIG')) throw cause
    throw new TvmNodeError('ERR_INVALID_ARGUMENT', cause.message, { cause, details: cause.details })
  }
}

async function servePage(path: string, response: ServerResponse): Promise<boolean> {
  const file = await pageFile(path)
  if (!file) return false
  const headers = { ...pageHeaders, 'content-type': file.type, 'content-length': file.content.length }
  response.writeHead(200, headers).end(file.content)
  return true
}

async function send(response: ServerResponse, { status = 200, json, bytes }: Reply): Promise<void> {
  if (bytes) {
    response.writeHead(status, {
      'content-type': bytes.type,
      'content-length': bytes.length,
      'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(bytes.name)}`,
    })
    await pipeline(bytes.stream, response).catch(() => response.destroy())
    return
  }
  if (json === undefined) {
    response.writeHead(status).end()
    return
  }
  sendJson(response, status, json)
}

function sendJson(response: ServerResponse, status: number, json: unknown, headers = {}): void {
  const text = Buffer.from(`${toJson(json)}\n`)
  response
    .writeHead(status, {
      'content-type': 'application/json',
      'content-length': text.length,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...headers,
    })
    .end(text)
}

function fail(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  const { status, error: told } = errorReply(error)
  const headers = {
    ...(status === 401 && { 'www-authenticate': 'Bearer' }),
    ...((status === 429 || status === 503) && { 'retry-after': RETRY_AFTER }),
  }
  if (request.complete) {
    sendJson(response, status, { error: told }, headers)
    return
  }
  sendJson(response, status, { error: told }, { ...headers, connection: 'close' })
  // Those without the token are not heard out.
  if (status === 401) return
  request.resume()
  const late = setTimeout(() => request.destroy(), FAREWELL).unref()
  request.once('close', () => clearTimeout(late))
}

/** Answers where there is a connection and nothing else. */
function refuse(socket: Duplex, status: number, code: string, message: string): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const body = `${JSON.stringify({ error: { code, message, details: {} } })}\n`
  socket.end(
    `HTTP/1.1 ${status} Refused\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  )
}
