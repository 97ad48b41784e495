import { TvmNodeError } from '../errors.js'
import type { ServiceLimits } from './limits.js'
import { toJson } from './wire.js'

/** An event as clients get it. */
export interface ServiceEvent {
  /** Counted from 1. */
  readonly id: number
  /** Milliseconds since 1970. */
  readonly time: number
  readonly backend: string
  readonly type: string
  readonly [key: string]: unknown
}

/** A client that hears events, however it is connected. */
export interface Audience {
  /** Bytes that were sent and not yet taken. */
  unread(): number
  send(event: ServiceEvent, json: string): void
  /** Ends the connection at once. */
  drop(): void
}

const KEPT = 1000

/** Passes events on and keeps the last ones for those who come late. */
export class EventHub {
  private readonly recent: { readonly event: ServiceEvent; readonly json: string }[] = []
  private readonly audiences = new Set<Audience>()
  private nextId = 1

  constructor(private readonly limits: Pick<ServiceLimits, 'listeners' | 'unreadBytes'>) {}

  publish(backend: string, event: { readonly type: string }): void {
    const whole: ServiceEvent = { id: this.nextId++, time: Date.now(), backend, ...event }
    const json = toJson(whole)
    this.recent.push({ event: whole, json })
    if (this.recent.length > KEPT) this.recent.shift()
    for (const audience of this.audiences) this.pass(audience, whole, json)
  }

  /** The events after one that a client heard last, as far as they are kept. */
  after(id: number): ServiceEvent[] {
    return this.recent.filter(({ event }) => event.id > id).map(({ event }) => event)
  }

  /**
   * @param after - What it heard last; undefined for what comes from now on.
   * @returns What takes it off again.
   */
  add(audience: Audience, after: number | undefined): () => void {
    this.audiences.add(audience)
    if (after !== undefined) {
      for (const { event, json } of this.recent) {
        if (event.id > after) this.pass(audience, event, json)
      }
    }
    return () => this.audiences.delete(audience)
  }

  /** @throws `ERR_OVERLOADED` when there are as many clients as may be. */
  checkRoom(): void {
    const { listeners } = this.limits
    if (this.audiences.size < listeners) return
    throw new TvmNodeError('ERR_OVERLOADED', `${listeners} clients hear events already`, {
      details: { limit: 'listeners', most: listeners },
    })
  }

  get size(): number {
    return this.audiences.size
  }

  close(): void {
    for (const audience of this.audiences) audience.drop()
    this.audiences.clear()
  }

  /** A client that does not read is let go rather than remembered for. */
  private pass(audience: Audience, event: ServiceEvent, json: string): void {
    if (!this.audiences.has(audience)) return
    if (audience.unread() <= this.limits.unreadBytes) audience.send(event, json)
    else {
      this.audiences.delete(audience)
      audience.drop()
    }
  }
}
