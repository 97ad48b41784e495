import { z } from 'zod'
import { TvmNodeError } from '../errors.js'
import { LimitedTime } from '../limits.js'
import { checkOptions, limitOptions, optionSchema } from '../options.js'
import { readArtifact } from './artifact.js'
import { ProcessSession } from './process-session.js'
import type { LoadOptions, Session } from './session.js'
import { ThreadSession } from './thread-session.js'

const optionsSchema = optionSchema({
  threads: z.int().min(1).max(1024),
  isolation: z.enum(['thread', 'process']),
  inlineBelowUs: z.number().min(0),
  ...limitOptions,
})

/** A path, or something that has one, such as the result of `compile`. */
export type ArtifactSource = string | { readonly path: string }

/**
 * Loads an artifact for running.
 *
 * @throws `ERR_INVALID_ARGUMENT`, `ERR_ARTIFACT_READ`, `ERR_NOT_ARTIFACT`, `ERR_ARTIFACT_DAMAGED`, `ERR_ARTIFACT_VERSION`, `ERR_CPU_FEATURES`,
 * `ERR_NO_BUNDLE`, `ERR_TIMEOUT`
 */
export async function load(source: ArtifactSource, options: LoadOptions = {}): Promise<Session> {
  const path = typeof source === 'string' ? source : source?.path
  if (typeof path !== 'string') {
    throw new TvmNodeError('ERR_INVALID_ARGUMENT', `load takes an artifact or its path, got ${typeof source}`)
  }
  checkOptions(optionsSchema, options, 'load')
  const { isolation = 'thread' } = options
  if (isolation === 'process') return ProcessSession.open(path, options)
  const { signal, timeoutMs } = options
  using time = new LimitedTime({ signal, timeoutMs })
  const opening = readArtifact(path).then((contents) => ThreadSession.open(contents, options))
  // A session that comes too late has nobody to dispose of it.
  const unheard = () => opening.then((session) => session.dispose()).catch(() => undefined)
  time.signal.addEventListener('abort', unheard, { once: true })
  return await Promise.race([opening, time.over()])
}
