import { execFile } from 'node:child_process'
import type { Limits } from '../limits.js'
import type { Finished } from '../ssh/connection.js'
import { succeeded } from './succeeded.js'

/** What a script of this machine's shell prints. @throws `ERR_REMOTE` with its output when it fails, the signal's reason */
export async function runHere(script: string, { signal }: Limits): Promise<string> {
  const finished = await new Promise<Finished>((resolve) => {
    execFile('sh', ['-c', script], { ...(signal && { signal }) }, (error, stdout, stderr) => {
      const code = error ? error.code : 0
      resolve({ code: typeof code === 'number' ? code : undefined, signal: error?.signal, stdout, stderr })
    })
  })
  signal?.throwIfAborted()
  return succeeded(script, finished)
}
