import { readFileSync } from 'node:fs'
import type { Document } from 'yaml'
import type { z } from 'zod'
import { isTvmNodeError, TvmNodeError } from '../errors.js'
import { parseConfig } from './check.js'
import { type ParsedYaml, parseYaml, YamlFault, yaml } from './yaml.js'

/**
 * Reads a YAML file and checks it.
 *
 * @param finish - What else is done with it, which may find faults too.
 * @throws `ERR_CONFIG` with file and line of the first fault.
 */
export function readConfigFile<Schema extends z.ZodType>(
  schema: Schema,
  path: string,
  finish: (data: z.output<Schema>) => z.output<Schema> = (data) => data,
): z.output<Schema> {
  const lines = new (yaml().LineCounter)()
  const text = read(path)
  let parsed: ParsedYaml
  try {
    parsed = parseYaml(text, { lineCounter: lines })
  } catch (cause) {
    if (!(cause instanceof YamlFault)) throw cause
    const { line } = lines.linePos(cause.offset)
    throw new TvmNodeError('ERR_CONFIG', `${path}:${line}: ${cause.message}`, {
      cause,
      details: { file: path },
    })
  }
  try {
    return finish(parseConfig(schema, parsed.data ?? {}, path))
  } catch (error) {
    if (!isTvmNodeError(error, 'ERR_CONFIG')) throw error
    const { line } = lines.linePos(offsetOf(parsed.document, error) ?? 0)
    const said = error.message.startsWith(`${path}: `) ? error.message.slice(path.length + 2) : error.message
    throw new TvmNodeError('ERR_CONFIG', `${path}:${line}: ${said}`, {
      cause: error,
      details: { ...error.details, file: path, line },
    })
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new TvmNodeError('ERR_CONFIG', `cannot read ${path}: ${(cause as Error).message}`, { cause })
  }
}

/** Where in the text the value or key is that an error is about. */
function offsetOf(document: Document, { message, details }: TvmNodeError): number | undefined {
  const path = String(details.path ?? '')
    .split('.')
    .filter(Boolean)
  let place = path.length > 0 ? document.getIn(path, true) : document.contents
  // What is missing is told where it ought to be.
  while (!place && path.pop() !== undefined)
    place = path.length > 0 ? document.getIn(path, true) : document.contents
  const { isMap, isNode } = yaml()
  const unknown = /there is no key '(?:[^']*\.)?([^'.]+)'/.exec(message)?.[1]
  const pair = isMap(place) && place.items.find(({ key }) => String(key) === unknown)
  if (pair && isNode(pair.key)) return pair.key.range?.[0]
  return isNode(place) ? place.range?.[0] : undefined
}
