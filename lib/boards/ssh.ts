import { TvmNodeError } from '../errors.js'
import type { Limits } from '../limits.js'
import { RemoteSession } from '../rpc/remote-session.js'
import type { ArtifactSource } from '../session/load.js'
import type { Session } from '../session/session.js'
import { type Finished, SshConnection, type SshHost } from '../ssh/connection.js'
import type { Availability, BoardAdapter } from './adapter.js'
import type { Board } from './board.js'
import { BoardServer } from './board-server.js'

/**
 * A board reached by SSH, of which nothing else need be open: a server is started there for this run alone, and what goes to it goes
 * through the connection.
 */
export class SshAdapter implements BoardAdapter {
  private connection: SshConnection | undefined
  private running: BoardServer | undefined
  private session: RemoteSession | undefined

  constructor(
    private readonly board: Pick<Board, 'name' | 'setup' | 'teardown' | 'server'>,
    private readonly host: SshHost,
  ) {}

  async available(limits: Limits): Promise<Availability> {
    try {
      await using _ = await SshConnection.connect(this.host, limits)
      return { available: true }
    } catch (error) {
      limits.signal?.throwIfAborted()
      return { available: false, busy: false, reason: (error as Error).message }
    }
  }

  async connect(limits: Limits): Promise<void> {
    const connection = await SshConnection.connect(this.host, limits)
    // One that comes too late has nobody to close it.
    if (limits.signal?.aborted) await connection.close()
    else this.connection = connection
  }

  async setup(limits: Limits): Promise<void> {
    for (const command of this.board.setup) succeeded(command, await this.ssh.exec(command, limits))
  }

  async serve(limits: Limits): Promise<void> {
    this.running = await BoardServer.start(this.ssh, this.board.server, limits)
  }

  /** The server on the board, and the connection through which it is reached. */
  get server(): { readonly ssh: SshConnection; readonly server: BoardServer } {
    const server = this.running
    if (!server) throw new TvmNodeError('ERR_BOARD', `no server runs on board '${this.board.name}'`)
    return { ssh: this.ssh, server }
  }

  async upload(artifact: ArtifactSource, limits: Limits): Promise<Session> {
    if (!this.session?.alive) {
      const { ssh, server } = this.server
      const { address } = await ssh.forward(server.address)
      this.session = await RemoteSession.connect(address, { key: server.key, ...limits })
    }
    return await this.session.load(artifact, limits)
  }

  async reset(limits: Limits): Promise<void> {
    await this.stop()
    if (!this.connection || this.connection.lost.aborted) {
      await this.disconnect()
      await this.connect(limits)
      await this.setup(limits)
    }
    await this.serve(limits)
  }

  async stop(): Promise<void> {
    const { session, running } = this
    this.session = undefined
    this.running = undefined
    await session?.dispose()
    await running?.stop()
  }

  async teardown(limits: Limits): Promise<void> {
    const { teardown } = this.board
    if (teardown.length === 0) return
    // What was set up must be undone also when the connection broke meanwhile.
    if (this.connection?.lost.aborted) {
      await this.disconnect()
      await this.connect(limits)
    }
    for (const [i, command] of teardown.entries()) {
      try {
        succeeded(command, await this.ssh.exec(command, limits))
      } catch (error) {
        // The last one may restart the board.
        if (i < teardown.length - 1 || !this.ssh.lost.aborted) throw error
      }
    }
  }

  async disconnect(): Promise<void> {
    const { connection } = this
    this.connection = undefined
    await connection?.close()
  }

  private get ssh(): SshConnection {
    if (this.connection) return this.connection
    throw new TvmNodeError('ERR_BOARD', `board '${this.board.name}' is not connected`)
  }
}

/** @throws `ERR_REMOTE` with the command's output when it failed */
function succeeded(command: string, { code, signal, stdout, stderr }: Finished): void {
  if (code === 0) return
  const output = (stderr.trim() || stdout.trim()).slice(-1000)
  const how = signal === undefined ? `status ${code}` : signal
  throw new TvmNodeError('ERR_REMOTE', `'${command}' ended with ${how}${output && `: ${output}`}`, {
    details: { command, code, signal, output },
  })
}
