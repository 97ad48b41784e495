import { z } from 'zod'

/** What the service takes at most; beyond, it answers 413, 429 or 503. */
export const serviceLimitsSchema = z.strictObject({
  /** Bytes of one request's body. */
  bodyBytes: z.int().min(1).default(256e6),
  /** Bytes of all bodies that are held at once. */
  heldBytes: z.int().min(1).default(1e9),
  /** Milliseconds within which a request must have arrived. */
  arrivalMs: z.int().min(1).default(120_000),
  /** Requests that are worked on at once, those that wait for a board included. */
  requests: z.int().min(1).default(256),
  /** Requests that wait for one backend. */
  waiting: z.int().min(1).default(32),
  /** Backends at once. */
  backends: z.int().min(1).default(16),
  /** Connections at once; further ones are closed at once. */
  connections: z.int().min(1).default(1024),
  /** Clients that hear events. */
  listeners: z.int().min(0).default(64),
  /** Bytes of events that wait for a client that does not read; beyond, it is disconnected. */
  unreadBytes: z.int().min(1).default(1e6),
  /** Minutes after which a backend that nobody asks for is disposed of. */
  idleMinutes: z.number().positive().default(120),
})

/** The limits of a service; all have defaults. */
export interface ServiceLimits extends z.output<typeof serviceLimitsSchema> {}
