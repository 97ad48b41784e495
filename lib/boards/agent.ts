import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { TvmNodeError } from '../errors.js'
import type { Limits } from '../limits.js'
import { quoted } from '../ssh/command.js'
import type { SshConnection } from '../ssh/connection.js'

/** Where the package has the agent for each type of processor; `npm run build:agents` makes them. */
const FOLDER = fileURLToPath(new URL('../../agents/', import.meta.url))

/** Types of processors by the names that `uname -m` has for them. */
const machines: Readonly<Record<string, string>> = {
  x86_64: 'x86_64',
  aarch64: 'aarch64',
  arm64: 'aarch64',
  armv7l: 'armv7l',
  armv8l: 'armv7l',
}

/** Where to put it, the processor, and how wide the system's programs are, which may be narrower. */
const ASK = `f=$(mktemp "\${TMPDIR:-/tmp}/tvm-agent-XXXXXX") && echo "$f" && uname -m && { getconf LONG_BIT || echo 64; }`

/**
 * Brings the agent (native/agent) to a board on which nothing is installed.
 *
 * @returns The shell command that runs it: a server of TVM's protocol on the board's loopback under the key `$KEY`. It removes its file.
 * @throws `ERR_BOARD` when there is no agent for the board, `ERR_REMOTE`, `ERR_CONNECTION`, `ERR_TIMEOUT`
 */
export async function uploadAgent(ssh: SshConnection, limits: Limits = {}): Promise<string> {
  const { code, stdout, stderr } = await ssh.exec(ASK, limits)
  const [path, kind = '', bits] = stdout.trim().split('\n')
  if (code !== 0 || !path)
    throw new TvmNodeError('ERR_REMOTE', `no file can be made on the board: ${stderr.trim()}`)
  const machine = kind === 'aarch64' && bits === '32' ? 'armv7l' : machines[kind]
  const file = machine && `${FOLDER}tvm-agent-${machine}`
  try {
    if (!file || !existsSync(file)) throw noAgent(kind, machine)
    await ssh.upload(file, path, limits)
  } catch (error) {
    await ssh.exec(`rm -f ${quoted(path)}`, { timeoutMs: REMOVING }).catch(() => undefined)
    throw error
  }
  return `chmod 700 ${quoted(path)} && exec ${quoted(path)} --unlink`
}

/** Milliseconds for removing a file. */
const REMOVING = 5000

function noAgent(kind: string, machine: string | undefined): TvmNodeError {
  const why = machine
    ? `this installation has no agent for ${machine}; run "npm run build:agents" where its cross compiler is`
    : `there is no agent for processors of type '${kind}'`
  return new TvmNodeError('ERR_BOARD', `the board has no server of TVM's protocol, and ${why}`, {
    details: { machine: kind },
  })
}
