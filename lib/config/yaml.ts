import { createRequire } from 'node:module'
import type { Document, DocumentOptions, ParseOptions } from 'yaml'

const require = createRequire(import.meta.url)

/** The parser, from when it is first needed: hosts that only run artifacts start sooner without it. */
export const yaml = (): typeof import('yaml') => require('yaml')

/** A YAML text as plain data. */
export interface ParsedYaml {
  readonly document: Document
  /** Undefined for an empty text. */
  readonly data: unknown
}

/** What is wrong with a text, and where in it. */
export class YamlFault extends Error {
  constructor(
    message: string,
    readonly offset: number,
    cause?: unknown,
  ) {
    super(message, { cause })
  }
}

/**
 * Parses YAML that may be anybody's: aliases that multiply, nesting that no stack holds and keys that mean something to JavaScript are
 * faults like any other.
 *
 * @throws YamlFault
 */
export function parseYaml(text: string, options: ParseOptions & DocumentOptions = {}): ParsedYaml {
  let document: Document
  let data: unknown
  try {
    document = yaml().parseDocument(text, options)
    data = document.errors.length > 0 ? undefined : (document.toJS() ?? undefined)
  } catch (cause) {
    const why = cause instanceof RangeError ? 'it is nested too deeply' : (cause as Error).message
    throw new YamlFault(why, 0, cause)
  }
  const [fault] = document.errors
  if (fault) throw new YamlFault(fault.message, fault.pos[0], fault)
  const why = hostileIn(data)
  if (why !== undefined) throw new YamlFault(why, 0)
  return { document, data }
}

/** What is wrong with data that no later step could hold: a key that means something to JavaScript, or a part that contains itself. */
function hostileIn(data: unknown): string | undefined {
  const within = new Set<object>()
  const done = new Set<object>()
  // Aliases nest deeper than any text, so that the stack cannot be JavaScript's own.
  const stack = [data]
  while (stack.length > 0) {
    const value = stack.at(-1)
    if (typeof value !== 'object' || value === null || done.has(value)) {
      stack.pop()
    } else if (within.delete(value)) {
      done.add(value)
      stack.pop()
    } else {
      if (Object.hasOwn(value, '__proto__')) return "no key may be '__proto__'"
      within.add(value)
      const parts: unknown[] = Object.values(value)
      if (parts.some((part) => within.has(part as object))) return 'an alias means what contains it'
      for (const part of parts) stack.push(part)
    }
  }
  return undefined
}
