import { z } from 'zod'
import type { Limits } from '../limits.js'
import { checkOptions, limitOptions, optionSchema } from '../options.js'

/**
 * Limits of a call. The promise rejects at once. A run that has begun in a thread goes on there unheard, since generated code
 * cannot be interrupted; runs that wait are dropped. In a process, the process is ended, and the next call gets a new one.
 */
export type CallOptions = Limits

export interface ProfileOptions extends CallOptions {
  /** Runs of the whole network whose latency is measured; default 10. */
  readonly repeat?: number
}

const callSchema = optionSchema(limitOptions)
const profileSchema = optionSchema({ ...limitOptions, repeat: z.int().min(1).max(1_000_000) })

/** @throws `ERR_INVALID_ARGUMENT` */
export function checkCallOptions(options: CallOptions): void {
  checkOptions(callSchema, options, 'run')
}

/** @throws `ERR_INVALID_ARGUMENT` */
export function checkProfileOptions(options: ProfileOptions): void {
  checkOptions(profileSchema, options, 'profile')
}
