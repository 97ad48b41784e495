import { randomBytes } from 'node:crypto'
import { isTvmNodeError, TvmNodeError } from '../errors.js'
import { LimitedTime, type Limits } from '../limits.js'
import { type Address, LOOPBACK } from '../rpc/address.js'
import { quoted } from '../ssh/command.js'
import type { Finished, RunningCommand, SshConnection } from '../ssh/connection.js'
import { uploadAgent } from './agent.js'

/** How servers tell where they listen: this package's, then Python's and TVM's own (TVM v0.18, python/tvm/rpc/server.py). */
const announcements = [/"address":\{"host":"[^"]*","port":(\d+)\}/, /bind to \S*?:(\d+)/]

const NONE_FOUND = 127
/** Milliseconds for a server that was told to end. */
const ENDING = 5000

/** What a board's description calls this package's own server, which needs nothing on the board. */
const AGENT = 'agent'

/** Runs the first server that the board has, on its loopback. */
const usual = [
  'if command -v tvm-node >/dev/null',
  'then exec tvm-node server --host 127.0.0.1 --json --key $KEY',
  `elif python3 -c 'import importlib.util as u, sys; sys.exit(u.find_spec("tvm") is None)' 2>/dev/null`,
  'then exec python3 -m tvm.exec.rpc_server --host 127.0.0.1 --key $KEY',
  'elif command -v tvm_rpc >/dev/null',
  'then exec tvm_rpc server --host=127.0.0.1 --key=$KEY',
  `else exit ${NONE_FOUND}`,
  'fi',
].join('\n')

/**
 * A server of TVM's protocol that was started on a board for one user: it listens on the board's loopback, and its key is one that
 * nobody else knows. It ends with its connection.
 */
export class BoardServer {
  private readonly over = new AbortController()

  private constructor(
    readonly key: string,
    /** As the board sees it. */
    readonly address: Address,
    private readonly running: RunningCommand,
  ) {
    const end = (why: unknown) => this.over.abort(why)
    running.finished.then((how) => end(endedError(how)), end)
  }

  /**
   * Starts a server and waits until it listens.
   *
   * @param command - Shell command that finds the key in `$KEY`, or `agent` for this package's own, which is brought to the board;
   * default the first server that the board has, and the agent where it has none.
   * @throws `ERR_BOARD` with the server's output when it ends before, `ERR_REMOTE`, `ERR_CONNECTION`, `ERR_TIMEOUT`
   */
  static async start(
    ssh: SshConnection,
    command: string | null,
    limits: Limits = {},
    environment: Readonly<Record<string, string>> = {},
  ): Promise<BoardServer> {
    const launch = (script: string) => BoardServer.launch(ssh, script, limits, environment)
    if (command !== null && command !== AGENT) return launch(command)
    if (command === null) {
      try {
        return await launch(usual)
      } catch (error) {
        if (!isTvmNodeError(error, 'ERR_BOARD') || error.details.code !== NONE_FOUND) throw error
      }
    }
    return launch(await uploadAgent(ssh, limits))
  }

  private static async launch(
    ssh: SshConnection,
    command: string,
    limits: Limits,
    environment: Readonly<Record<string, string>>,
  ): Promise<BoardServer> {
    const key = `board-${randomBytes(16).toString('hex')}`
    const variables = Object.entries({ ...environment, KEY: key })
    const exports = variables.map(([name, value]) => `export ${name}=${quoted(value)}\n`).join('')
    const script = exports + command
    let output = ''
    let announce: (port: number) => void = () => undefined
    const announced = new Promise<number>((resolve) => {
      announce = resolve
    })
    using time = new LimitedTime(limits, () => ({
      where: ` (starting a server on ${ssh.where}); ${tail(output)}`,
    }))
    const running = await ssh.start(script, (text) => {
      output = (output + text).slice(-10_000)
      const port = announcements.map((pattern) => pattern.exec(output)?.[1]).find(Boolean)
      if (port !== undefined) announce(Number(port))
    })
    try {
      const failed = running.finished.then((how) => {
        throw endedError(how)
      })
      const port = await Promise.race([announced, failed, time.over()])
      return new BoardServer(key, { host: LOOPBACK, port }, running)
    } catch (error) {
      running.stop()
      throw error
    }
  }

  /** Aborted, with the reason, when the server has ended. */
  get ended(): AbortSignal {
    return this.over.signal
  }

  /** Ends it, with its sessions. */
  async stop(): Promise<void> {
    this.running.stop()
    const late = new Promise((resolve) => setTimeout(resolve, ENDING).unref())
    await Promise.race([this.running.finished.catch(() => undefined), late])
  }
}

function endedError({ code, signal, stdout, stderr }: Finished): TvmNodeError {
  const how = signal === undefined ? `with status ${code}` : `by ${signal}`
  const output = tail(`${stdout}\n${stderr}`)
  return new TvmNodeError('ERR_BOARD', `the server on the board ended ${how}: ${output}`, {
    details: { code, signal, output },
  })
}

/** The end of what a server said, which tells why it failed. */
function tail(output: string): string {
  const lines = output.trim().split('\n')
  return lines.slice(-5).join('\n').trim() || 'it said nothing'
}
