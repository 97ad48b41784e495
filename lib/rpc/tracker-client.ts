import { connect as connectSocket, type Socket } from 'node:net'
import { z } from 'zod'
import { TvmNodeError } from '../errors.js'
import { LimitedTime, type Limits } from '../limits.js'
import { type Address, formatAddress } from './address.js'
import { ByteReader } from './byte-reader.js'
import { DEAD_AFTER_S, LONGEST_MESSAGE, messageFrame, TRACKER_MAGIC, TrackerCode, word } from './protocol.js'
import type { TrackerSummary } from './tracker-summary.js'

/** Where a tracker lets a session be opened, once. */
export interface Grant extends Address {
  readonly matchKey: string
}

const counts = z.object({ free: z.number(), pending: z.number() })
const serverInfo = z.object({
  key: z.string().optional(),
  addr: z.tuple([z.string().nullable(), z.number()]).optional(),
})
const replies = {
  code: z.number(),
  grant: z.tuple([
    z.literal(TrackerCode.SUCCESS),
    z.tuple([z.string(), z.int().min(1).max(65535), z.string()]),
  ]),
  summary: z.tuple([
    z.literal(TrackerCode.SUCCESS),
    z.object({ queue_info: z.record(z.string(), counts), server_info: z.array(serverInfo) }),
  ]),
  matchKeys: z.array(z.string()),
}

/** Milliseconds for what a tracker answers at once. */
const PROMPT = 10_000

/**
 * A connection with a tracker, in TVM's protocol; calls queue. One that was given up closes the connection, since its reply could
 * be taken for another's.
 */
export class TrackerClient {
  private tail: Promise<unknown> = Promise.resolve()

  private constructor(
    readonly address: Address,
    private readonly socket: Socket,
    private readonly reader: ByteReader,
  ) {}

  /** @throws `ERR_CONNECTION`, `ERR_PROTOCOL` when something else than a tracker answers, `ERR_TIMEOUT` */
  static async connect(
    address: Address,
    { signal, timeoutMs = PROMPT }: Limits = {},
  ): Promise<TrackerClient> {
    const where = `the tracker at ${formatAddress(address)}`
    using time = new LimitedTime({ signal, timeoutMs }, () => ({ where: ` (connecting to ${where})` }))
    const socket = connectSocket({ ...address, noDelay: true })
    try {
      const client = await Promise.race([greet(socket, where), time.over()])
      return new TrackerClient(address, socket, client)
    } catch (error) {
      socket.destroy()
      throw error
    }
  }

  get alive(): boolean {
    return this.socket.writable && !this.socket.destroyed
  }

  async ping(limits?: Limits): Promise<void> {
    await this.call('ping', [TrackerCode.PING], replies.code, limits)
  }

  /** Ends the tracker. Returns false when the key is wrong. */
  async stop(stopKey: string, limits?: Limits): Promise<boolean> {
    const reply = await this.call('stop', [TrackerCode.STOP, stopKey], replies.code, limits)
    return reply === TrackerCode.SUCCESS
  }

  /** Says which server this connection belongs to. A host of null is the address that the tracker sees. */
  async updateInfo(key: string, port: number, host: string | null = null, limits?: Limits): Promise<void> {
    const info = { key: `server:${key}`, addr: [host, port] }
    await this.call('updateInfo', [TrackerCode.UPDATE_INFO, info], replies.code, limits)
  }

  /** Offers a session. */
  async put(
    key: string,
    port: number,
    matchKey: string,
    host: string | null = null,
    limits?: Limits,
  ): Promise<void> {
    await this.call('put', [TrackerCode.PUT, key, [port, matchKey], host], replies.code, limits)
  }

  /** Match keys that this connection offered and nobody was granted yet. */
  pendingMatchKeys(limits?: Limits): Promise<string[]> {
    return this.call('pendingMatchKeys', [TrackerCode.GET_PENDING_MATCHKEYS], replies.matchKeys, limits)
  }

  async summary(limits?: Limits): Promise<TrackerSummary> {
    const [, summary] = await this.call('summary', [TrackerCode.SUMMARY], replies.summary, limits)
    return summary as TrackerSummary
  }

  /**
   * Waits for a session of the key to be free.
   *
   * @param priority - Higher ones come first; default 1, as TVM has it.
   */
  async request(key: string, priority = 1, limits: Limits = {}): Promise<Grant> {
    const message = [TrackerCode.REQUEST, key, '', priority]
    const [, [host, port, matchKey]] = await this.call('request', message, replies.grant, limits)
    return { host, port, matchKey }
  }

  /** @throws `ERR_CONNECTION`, `ERR_PROTOCOL`, `ERR_TIMEOUT`, the signal's reason */
  private async call<Schema extends z.ZodType>(
    name: string,
    message: unknown,
    schema: Schema,
    { signal, timeoutMs = name === 'request' ? undefined : PROMPT }: Limits = {},
  ): Promise<z.output<Schema>> {
    const where = ` (${name} of the tracker at ${formatAddress(this.address)})`
    using time = new LimitedTime({ signal, timeoutMs }, () => ({ where }))
    let begun = false
    const reply = this.tail.then(() => {
      time.signal.throwIfAborted()
      begun = true
      this.socket.write(messageFrame(message))
      return this.reader.text(LONGEST_MESSAGE)
    })
    this.tail = reply.catch(() => undefined)
    try {
      return parse(schema, await Promise.race([reply, time.over()]), where)
    } catch (error) {
      if (begun) this.close()
      throw error
    }
  }

  close(): void {
    this.socket.destroy()
  }
  [Symbol.dispose](): void {
    this.close()
  }
}

async function greet(socket: Socket, where: string): Promise<ByteReader> {
  const reader = new ByteReader(socket, where)
  socket.setKeepAlive(true, (DEAD_AFTER_S * 1000) / 2)
  socket.write(word(TRACKER_MAGIC))
  // The original takes the first bytes for the greeting and nothing else: requests wait for its answer.
  const answer = await reader.word()
  if (answer === TRACKER_MAGIC) return reader
  throw new TvmNodeError('ERR_PROTOCOL', `${where} is no tracker: it answered ${answer}`)
}

function parse<Schema extends z.ZodType>(schema: Schema, text: string, where: string): z.output<Schema> {
  try {
    return schema.parse(JSON.parse(text))
  } catch (cause) {
    throw new TvmNodeError('ERR_PROTOCOL', `a reply that makes no sense: ${text.slice(0, 80)}${where}`, {
      cause,
    })
  }
}

/** Asks a tracker once. */
export async function queryTracker(address: Address, limits: Limits = {}): Promise<TrackerSummary> {
  using client = await TrackerClient.connect(address, limits)
  return await client.summary(limits)
}
