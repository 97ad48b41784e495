import { z } from 'zod'
import { TvmNodeError } from '../errors.js'
import { nearest } from '../nearest.js'

/**
 * Checks a configuration, at any depth, and fills in its defaults.
 *
 * @param what - What is configured, for the message.
 * @throws `ERR_CONFIG` for the first fault: an unknown key with the nearest valid one, or a value of the wrong kind.
 */
export function parseConfig<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  what: string,
): z.output<Schema> {
  const { success, data, error } = schema.safeParse(value)
  if (success) return data
  const issue = deepest(mostTelling(error.issues))
  const path = issue.path.map(String)
  throw new TvmNodeError('ERR_CONFIG', `${what}: ${describe(issue, schema, path)}`, {
    details: { path: path.join('.') },
  })
}

/** Of a union that fits nothing, the fault of the alternative that fits best. */
function deepest(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.code !== 'invalid_union') return issue
  const alternatives = issue.errors
    .map((issues) => issues.map((each) => ({ ...each, path: [...issue.path, ...each.path] })))
    .filter((issues) =>
      issues.some(({ path, code }) => path.length > issue.path.length || code === 'unrecognized_keys'),
    )
    .sort((one, other) => faults(one) - faults(other))
  const [best] = alternatives
  return best ? deepest(mostTelling(best)) : issue
}

/** A key that is not known says more than the one that it was meant to be, which is missing then. */
function mostTelling(issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue {
  return issues.find(({ code }) => code === 'unrecognized_keys') ?? (issues[0] as z.core.$ZodIssue)
}

function faults(issues: readonly z.core.$ZodIssue[]): number {
  return issues.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 1), 0)
}

function describe(issue: z.core.$ZodIssue, schema: z.ZodType, path: readonly string[]): string {
  const at = path.length > 0 ? `${path.join('.')}: ` : ''
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(schema, path)
    const [key = ''] = issue.keys
    const near = nearest(key, known)
    return `there is no key '${[...path, key].join('.')}'; ${near ? `did you mean '${near}'?` : `the keys are ${known.join(', ')}`}`
  }
  if (issue.code === 'invalid_value') {
    const valid = issue.values.map(String)
    const near = nearest(String(issue.input ?? ''), valid)
    return `${at}must be one of ${valid.join(', ')}${near ? `; did you mean '${near}'?` : ''}`
  }
  return at + issue.message
}

/** The keys that the schema knows at a path. */
function knownKeys(schema: z.ZodType, path: readonly string[]): string[] {
  const [first, ...rest] = path
  // The place in a list.
  if (first !== undefined && /^\d+$/.test(first)) return knownKeys(schema, rest)
  const inner = plain(schema)
  if (inner instanceof z.ZodRecord && first !== undefined)
    return knownKeys(inner.valueType as z.ZodType, rest)
  for (const object of objectsWithin(schema)) {
    if (first === undefined) return Object.keys(object.shape)
    const next = object.shape[first] as z.ZodType | undefined
    if (next) return knownKeys(next, rest)
  }
  return []
}

/** A value that is set by itself. */
export interface Leaf {
  readonly path: readonly string[]
  readonly kind: 'text' | 'number' | 'list'
}

/** All values of a configuration that hold no further keys. */
export function leavesOf(schema: z.ZodType, path: readonly string[] = []): Leaf[] {
  const inner = plain(schema)
  if (inner instanceof z.ZodObject) {
    return Object.entries(inner.shape).flatMap(([key, each]) => leavesOf(each as z.ZodType, [...path, key]))
  }
  const kind = inner instanceof z.ZodArray ? 'list' : inner instanceof z.ZodNumber ? 'number' : 'text'
  return [{ path, kind }]
}

/** What a schema is besides its default. */
function plain(schema: z.ZodType): z.ZodType {
  const isWrapped =
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault
  return isWrapped ? plain(schema.unwrap() as z.ZodType) : schema
}

function objectsWithin(wrapped: z.ZodType): z.ZodObject[] {
  const schema = plain(wrapped)
  if (schema instanceof z.ZodObject) return [schema]
  if (schema instanceof z.ZodArray) return objectsWithin(schema.element as z.ZodType)
  if (schema instanceof z.ZodUnion) return (schema.options as z.ZodType[]).flatMap(objectsWithin)
  // What is before the checked object, or after it, is a transformation.
  if (schema instanceof z.ZodPipe)
    return [...objectsWithin(schema.in as z.ZodType), ...objectsWithin(schema.out as z.ZodType)]
  return []
}
