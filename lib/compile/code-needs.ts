import type { Limits } from '../limits.js'
import { runInEngine } from '../process/engine.js'
import type { CodeNeeds } from '../session/artifact.js'

/** What code for a target needs of a processor; asked of an engine, since the compiler knows. @throws `ERR_UNKNOWN_TARGET` */
export async function codeNeeds(target: string, limits: Limits = {}): Promise<CodeNeeds> {
  return (await runInEngine('code-needs', { target }, limits)) as CodeNeeds
}
