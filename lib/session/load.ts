import { TvmNodeError } from '../errors.js'
import { readArtifact } from './artifact.js'
import { ProcessSession } from './process-session.js'
import type { LoadOptions, Session } from './session.js'
import { ThreadSession } from './thread-session.js'

/** A path, or something that has one, such as the result of `compile`. */
export type ArtifactSource = string | { readonly path: string }

/**
 * Loads an artifact for running.
 *
 * @throws `ERR_ARTIFACT_READ`, `ERR_NOT_ARTIFACT`, `ERR_ARTIFACT_DAMAGED`, `ERR_ARTIFACT_VERSION`, `ERR_CPU_FEATURES`,
 * `ERR_NO_BUNDLE`
 */
export async function load(source: ArtifactSource, options: LoadOptions = {}): Promise<Session> {
  const path = typeof source === 'string' ? source : source.path
  const { threads, isolation = 'thread', signal } = options
  signal?.throwIfAborted()
  if (threads !== undefined && !(Number.isSafeInteger(threads) && threads >= 1 && threads <= 1024)) {
    throw new TvmNodeError(
      'ERR_INVALID_ARGUMENT',
      `threads must be a whole number from 1 to 1024, got ${threads}`,
    )
  }
  if (isolation === 'process') return ProcessSession.open(path, options)
  if (isolation !== 'thread') {
    throw new TvmNodeError(
      'ERR_INVALID_ARGUMENT',
      `isolation must be 'thread' or 'process', got '${isolation}'`,
    )
  }
  return ThreadSession.open(await readArtifact(path), threads)
}
