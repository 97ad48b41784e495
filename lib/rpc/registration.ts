import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Address, formatAddress } from './address.js'
import { matchKey } from './protocol.js'
import { TrackerClient } from './tracker-client.js'

/** Milliseconds between questions to the tracker. */
const POLL = 2000
/** Polls after which a session that was granted and not begun is offered anew. */
const MOST_MISSED = 3
/** Milliseconds between attempts to reach a tracker that is away. */
const RETRY = 1000

export interface RegistrationOptions {
  readonly tracker: Address
  readonly key: string
  /** Where the server listens. */
  readonly port: number
  /** The host that clients are told; default the address that the tracker sees. */
  readonly customAddress?: string | undefined
  readonly onLog: (line: string) => void
}

/**
 * A server's standing with its tracker: offers sessions, offers anew what was granted and not used, and comes back after the
 * tracker was away (TVM v0.18, python/tvm/rpc/server.py, _listen_loop).
 */
export class Registration {
  /** Match keys that are good for a session, with how many polls the tracker no longer had them. */
  private readonly offers = new Map<string, number>()
  /** Match keys that the tracker has been told on this connection. */
  private readonly told = new Set<string>()
  private readonly ending = new AbortController()
  private client: TrackerClient | undefined

  constructor(private readonly options: RegistrationOptions) {
    void this.stay()
  }

  /** Offers one more session. */
  offer(): void {
    const key = matchKey(this.options.key, randomBytes(12).toString('hex'))
    this.offers.set(key, 0)
    this.put(key).catch(() => undefined)
  }

  /** Uses an offer up; false when there is none of this key. */
  claim(key: string): boolean {
    this.told.delete(key)
    return this.offers.delete(key)
  }

  close(): void {
    this.ending.abort()
    this.client?.close()
  }

  /** Tells the tracker of an offer, once: one that is granted twice leads the second client nowhere. */
  private async put(key: string): Promise<void> {
    const { options, client } = this
    if (!client || this.told.has(key)) return
    this.told.add(key)
    await client.put(options.key, options.port, key, options.customAddress ?? null)
  }

  private async stay(): Promise<void> {
    const { signal } = this.ending
    const where = `the tracker at ${formatAddress(this.options.tracker)}`
    let told = ''
    while (!signal.aborted) {
      try {
        await this.connect()
        this.options.onLog(`registered as '${this.options.key}' with ${where}`)
        told = ''
        await this.poll()
      } catch (error) {
        const { message } = error as Error
        if (!signal.aborted && message !== told) this.options.onLog(`${where}: ${message}; trying again`)
        told = message
      }
      this.client?.close()
      this.client = undefined
      await sleep(RETRY, undefined, { signal }).catch(() => undefined)
    }
  }

  private async connect(): Promise<void> {
    const { tracker, key, port, customAddress } = this.options
    const client = await TrackerClient.connect(tracker, { signal: this.ending.signal })
    await client.updateInfo(key, port, customAddress ?? null)
    this.told.clear()
    this.client = client
    for (const offer of [...this.offers.keys()]) if (this.offers.has(offer)) await this.put(offer)
  }

  private async poll(): Promise<void> {
    for (;;) {
      await sleep(POLL, undefined, { signal: this.ending.signal })
      const before = [...this.offers.keys()]
      const pending = new Set(await (this.client as TrackerClient).pendingMatchKeys())
      for (const key of before) {
        const missed = pending.has(key) ? 0 : (this.offers.get(key) ?? 0) + 1
        if (this.offers.has(key)) this.offers.set(key, missed)
        if (missed > MOST_MISSED && this.claim(key)) this.offer()
      }
    }
  }
}
