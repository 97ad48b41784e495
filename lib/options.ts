import { z } from 'zod'
import { TvmNodeError } from './errors.js'
import { nearest } from './nearest.js'

/** What every function that takes time accepts beside its own options: see `Limits`. */
export const limitOptions = {
  signal: z.instanceof(AbortSignal),
  timeoutMs: z.custom<number>((value) => typeof value === 'number' && value > 0, {
    message: 'must be a positive number of milliseconds',
  }),
}

/** Options of a function, each of which may be left out. */
export function optionSchema<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape).partial()
}

/**
 * Checks what a caller passes as options of `what`.
 *
 * @throws `ERR_INVALID_ARGUMENT` for an unknown option, with the nearest known one, or a value of the wrong kind.
 */
export function checkOptions(schema: z.ZodObject, options: unknown, what: string): void {
  const { success, error } = schema.safeParse(options)
  if (success) return
  const [issue] = error.issues
  const known = Object.keys(schema.shape)
  throw new TvmNodeError(
    'ERR_INVALID_ARGUMENT',
    `${what}: ${issue ? describe(issue, known) : error.message}`,
    {
      details: { path: issue?.path.map(String) },
    },
  )
}

function describe(issue: z.core.$ZodIssue, known: readonly string[]): string {
  const at = issue.path.length > 0 ? `${issue.path.join('.')}: ` : ''
  if (issue.code !== 'unrecognized_keys') return at + issue.message
  const [key = ''] = issue.keys
  const near = nearest(key, known)
  return `it has no option '${at}${key}'; ${near ? `did you mean '${near}'?` : `it has ${known.join(', ')}`}`
}
