import { pathToFileURL } from 'node:url'
import { TvmNodeError } from '../errors.js'

/**
 * Imports modules that register templates of a user's own.
 *
 * @param paths - Absolute.
 * @throws `ERR_UNKNOWN_TEMPLATE` when one cannot be imported
 */
export async function loadTemplates(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    try {
      await import(pathToFileURL(path).href)
    } catch (cause) {
      throw new TvmNodeError(
        'ERR_UNKNOWN_TEMPLATE',
        `the templates of ${path} cannot be loaded: ${(cause as Error).message}`,
        { cause, details: { path } },
      )
    }
  }
}
