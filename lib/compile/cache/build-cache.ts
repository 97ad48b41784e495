import { rm } from 'node:fs/promises'
import { LimitedTime, type Limits } from '../../limits.js'
import { readArtifact } from '../../session/artifact.js'
import type { CompileRequest, CompileResult } from '../task.js'
import { type BuildKey, keyOf, unchanged, untouchedSince, withExternal } from './key.js'
import { type CacheOptions, FileStore } from './store.js'

/** What is kept of a result beside its artifact. */
type Note = Pick<CompileResult, 'external' | 'warnings'>

/**
 * Compiled networks by everything that they depend on. Two files each: a note under the key of the request, which names the
 * files in which the model keeps data, and the artifact under the key that tells their contents too.
 */
export class BuildCache {
  private readonly store: FileStore

  /**
   * Undefined where nothing is kept. Templates are programs, of which nobody knows what else they read; and who has a network
   * of the same form at hand will not come back to each of a training's weights.
   */
  static for(request: CompileRequest, options: boolean | CacheOptions): BuildCache | undefined {
    if (options === false || request.templates.length > 0 || request.reuse !== undefined) return undefined
    const cache = new BuildCache(options === true ? {} : options)
    return cache.store.maxBytes > 0 ? cache : undefined
  }

  private constructor(options: CacheOptions) {
    this.store = new FileStore(options)
  }

  /**
   * Puts the artifact where the request wants it: the one that was kept if it is there and whole, else what `build` makes.
   *
   * @throws what `build` throws, or that looking for it reached a limit.
   */
  async findOrBuild(
    request: CompileRequest,
    build: () => Promise<CompileResult>,
    limits: Limits,
  ): Promise<{ result: CompileResult; fromCache: boolean }> {
    const key = await this.look(limits, (signal) => keyOf(request, signal))
    const found = key && (await this.look(limits, (signal) => this.find(key, request, signal)))
    if (found) return { result: found, fromCache: true }
    const started = Date.now()
    const result = await build()
    // A cache that cannot be written is no reason to fail.
    if (key) await this.keep(key, request, result, started).catch(() => undefined)
    return { result, fromCache: false }
  }

  /** Files that cannot be read are no failures of the cache: the build will report them. A limit is. */
  private async look<T>(limits: Limits, work: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
    using time = new LimitedTime(limits)
    try {
      return await work(time.signal)
    } catch {
      time.signal.throwIfAborted()
      return undefined
    }
  }

  private async find(
    key: BuildKey,
    { model, output }: CompileRequest,
    signal: AbortSignal,
  ): Promise<CompileResult | undefined> {
    const note = parseNote(await this.store.readText(noteName(key)))
    if (!note) return undefined
    const full = await withExternal(key, model, note.external, signal)
    if (!(await this.store.take(artifactName(full), output))) return undefined
    try {
      const { metadata } = await readArtifact(output)
      await this.store.touch(noteName(key))
      return { metadata, rebuilt: 'all', ...note }
    } catch {
      // Damaged: it is made again.
      await this.store.remove(artifactName(full))
      await rm(output, { force: true })
      return undefined
    }
  }

  /**
   * Keeps what was built, unless a file changed meanwhile.
   *
   * @param started - When the build began, in milliseconds since 1970.
   */
  private async keep(
    key: BuildKey,
    request: CompileRequest,
    result: CompileResult,
    started: number,
  ): Promise<void> {
    const { external, warnings } = result
    const full = await withExternal(key, request.model, external)
    if (!(await unchanged(key)) || !(await untouchedSince(full, started))) return
    const note: Note = { external, warnings }
    await this.store.put(artifactName(full), { path: request.output })
    await this.store.put(noteName(key), { text: JSON.stringify(note) })
  }
}

const noteName = ({ key }: BuildKey) => `${key}.json`
const artifactName = ({ key }: BuildKey) => `${key}.tvm`

function parseNote(text: string | undefined): Note | undefined {
  if (text === undefined) return undefined
  try {
    const note = JSON.parse(text) as Partial<Note>
    return Array.isArray(note.external) && Array.isArray(note.warnings) ? (note as Note) : undefined
  } catch {
    return undefined
  }
}
