import { createHash } from 'node:crypto'
import { type BigIntStats, createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { recordFiles } from '../../schedule-config/database.js'
import { tensorBytes } from '../../tensor.js'
import type { CompileRequest } from '../task.js'
import { describeEnvironment } from './environment.js'

/** A file as it was when it was read. */
interface InputFile {
  readonly path: string
  readonly sha256: string
  readonly state: string
}

/** What a build depends on as far as can be told without reading the model's structure. */
export interface BuildKey {
  /** SHA-256, in hex. */
  readonly key: string
  readonly files: readonly InputFile[]
}

/**
 * The key of a request: contents of model and records, all options, and the environment. Data that the model keeps in other
 * files is not in it, see `withExternal`.
 */
export async function keyOf(request: CompileRequest, signal?: AbortSignal): Promise<BuildKey> {
  const { model, target, executor, moduleName, optLevel, shapes, constants, config, records, reusable } =
    request
  const logs = records.filter((record) => typeof record === 'string')
  const files = await readAll([model, ...logs.flatMap(recordFiles)], signal)
  const values = Object.entries(constants).map(([name, tensor]) => {
    const bytes = tensorBytes(tensor) ?? Buffer.from(JSON.stringify(tensor.data))
    return [name, [tensor.dtype, tensor.shape, createHash('sha256').update(bytes).digest('hex')]] as const
  })
  const parts = {
    environment: describeEnvironment(),
    name: basename(model),
    files: files.map(({ sha256 }) => sha256),
    // In their order; the contents of logs are among the files.
    records: records.map((record) => (typeof record === 'string' ? 'file' : record)),
    target,
    executor,
    moduleName,
    optLevel,
    reusable,
    shapes: sorted(Object.entries(shapes)),
    constants: sorted(values),
    config: sorted(Object.entries(config)),
    alignment: request.alignment,
    desiredLayouts: sorted(Object.entries(request.desiredLayouts)),
  }
  return { key: createHash('sha256').update(JSON.stringify(parts)).digest('hex'), files }
}

/**
 * The key that also tells the contents of the files in which the model keeps data; it has those files alone.
 *
 * @param locations - Relative to the model's folder.
 */
export async function withExternal(
  { key }: BuildKey,
  model: string,
  locations: readonly string[],
  signal?: AbortSignal,
): Promise<BuildKey> {
  const names = [...locations].sort()
  const external = await readAll(
    names.map((name) => join(dirname(model), name)),
    signal,
  )
  const hash = createHash('sha256').update(key)
  for (const [i, { sha256 }] of external.entries()) hash.update(`\n${JSON.stringify(names[i])} ${sha256}`)
  return { key: hash.digest('hex'), files: external }
}

/** Whether the files still are what the key was made of. */
export async function unchanged({ files }: BuildKey): Promise<boolean> {
  const states = await Promise.all(files.map(async ({ path }) => stateOf(await stat(path, { bigint: true }))))
  return states.every((state, i) => state === files[i]?.state)
}

/** Milliseconds by which the clock of a file system may lag behind. */
const CLOCK_LAG = 100

/** Whether none of the files was touched since `time`, in milliseconds since 1970. */
export async function untouchedSince({ files }: BuildKey, time: number): Promise<boolean> {
  const stats = await Promise.all(files.map(({ path }) => stat(path)))
  return stats.every(({ ctimeMs }) => ctimeMs < time - CLOCK_LAG)
}

function sorted<T>(entries: readonly (readonly [string, T])[]): readonly (readonly [string, T])[] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1))
}

function readAll(paths: readonly string[], signal?: AbortSignal): Promise<InputFile[]> {
  return Promise.all(
    paths.map(async (path) => {
      const state = stateOf(await stat(path, { bigint: true }))
      const hash = createHash('sha256')
      await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash, { signal })
      return { path, sha256: hash.digest('hex'), state }
    }),
  )
}

function stateOf({ ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${ino} ${size} ${mtimeNs} ${ctimeNs}`
}
