import { TvmNodeError } from '../errors.js'
import type { Finished } from '../ssh/connection.js'

/** What a command printed. @throws `ERR_REMOTE` with its output when it failed */
export function succeeded(command: string, { code, signal, stdout, stderr }: Finished): string {
  if (code === 0) return stdout
  const output = (stderr.trim() || stdout.trim()).slice(-1000)
  const how = signal === undefined ? `status ${code}` : signal
  throw new TvmNodeError('ERR_REMOTE', `'${command}' ended with ${how}${output && `: ${output}`}`, {
    details: { command, code, signal, output },
  })
}
