import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Limits } from '../limits.js'

/** What a script of this machine's shell prints. */
export async function runHere(script: string, { signal }: Limits): Promise<string> {
  const { stdout } = await promisify(execFile)('sh', ['-c', script], { ...(signal && { signal }) })
  return stdout
}
