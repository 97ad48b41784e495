import { z } from 'zod'
import { resultKinds, resultStatuses } from './kinds.js'

/** Infinities too: outputs without any difference have an infinite ratio of signal and noise. */
const number = z.custom<number>((value) => typeof value === 'number', { message: 'must be a number' })
const text = z.string().min(1).max(4096)

/** What came of one piece of work, as it is kept. */
export const resultRecordSchema = z.strictObject({
  kind: z.enum(resultKinds),
  /** The network's name. */
  network: text,
  status: z.enum(resultStatuses).default('ok'),
  /** What belongs together, such as the epochs of one training. */
  run: text.optional(),
  /** SHA-256 of the model. */
  model_hash: text.optional(),
  board: text.optional(),
  target: text.optional(),
  tuner: text.optional(),
  stage: z.enum(['validation', 'test']).optional(),
  epoch: z.int().min(0).optional(),
  /** Versions of what made it, by name. */
  versions: z.record(z.string(), z.string()).default({}),
  /** Numbers by name; the unit is part of the name. */
  metrics: z.record(z.string(), number).default({}),
  /** Larger parts by name, as JSON: `profile`, `outputs`, `tasks`, `records`, `error`. */
  details: z.record(z.string(), z.unknown()).default({}),
})

/** A record as it is given to a store; what has a default may be left out. */
export interface ResultRecord extends z.input<typeof resultRecordSchema> {}

/** A record in the store, without its larger parts. */
export interface StoredResult extends Omit<z.output<typeof resultRecordSchema>, 'details'> {
  /** Counted from 1 within the store. */
  readonly id: number
  /** Milliseconds since 1970. */
  readonly created_at: number
}

/** A record in the store with its larger parts. */
export interface WholeResult extends StoredResult {
  readonly details: Readonly<Record<string, unknown>>
}

/** What a listing is narrowed down to; nothing given is everything. */
export interface ResultFilter {
  readonly kind?: (typeof resultKinds)[number]
  readonly network?: string
  readonly board?: string
  readonly tuner?: string
  readonly run?: string
  readonly status?: (typeof resultStatuses)[number]
  /** Milliseconds since 1970. */
  readonly since?: number
  /** Newest first, so many. Default 50. */
  readonly limit?: number
}
