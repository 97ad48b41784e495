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
  if (hasPrototypeKey(data)) throw new YamlFault("no key may be '__proto__'", 0)
  return { document, data }
}

function hasPrototypeKey(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Object.hasOwn(value, '__proto__') || Object.values(value).some(hasPrototypeKey)
}
