import { TvmNodeError } from '../errors.js'
import type { LoadOptions } from '../session/session.js'
import type { Prompt } from '../ssh/authentication.js'
import type { BoardAdapter } from './adapter.js'
import { type Board, connectorOf } from './board.js'
import { boardHosts } from './board-host.js'
import { BoardConnection } from './connection.js'
import { LocalAdapter } from './local.js'
import { MicroAdapter } from './micro.js'
import { RpcAdapter } from './rpc.js'
import { SshAdapter } from './ssh.js'

/** What an adapter may be told beside the board's description. */
export interface AdapterOptions extends Pick<LoadOptions, 'isolation' | 'threads'> {
  /** Asks a person for passwords of SSH. */
  readonly prompt?: Prompt | undefined
}

/** An adapter for each way to reach a board. */
const adapters: Partial<
  Record<ReturnType<typeof connectorOf>, (board: Board, options: AdapterOptions) => BoardAdapter>
> = {
  local: (board, options) => new LocalAdapter(board, options),
  micro: (board) => new MicroAdapter(board),
  ssh: (board, { prompt }) => new SshAdapter(board, boardHosts(board, prompt)),
  automate: (board, { prompt }) => new SshAdapter(board, boardHosts(board, prompt)),
  rpc: (board) => new RpcAdapter(board),
}

/**
 * A board to use; nothing is taken before the first upload. Whether the library in use serves its target is for `checkTarget` to say.
 *
 * @throws `ERR_NOT_AVAILABLE` for boards that this version cannot reach or that need what it does not have.
 */
export function openBoard(board: Board, options: AdapterOptions = {}): BoardConnection {
  const connector = connectorOf(board)
  const adapter = adapters[connector]
  if (!adapter) throw unavailable(board, `is reached by the connector '${connector}'`)
  return new BoardConnection(board, adapter(board, options))
}

function unavailable({ name }: Board, why: string): TvmNodeError {
  return new TvmNodeError(
    'ERR_NOT_AVAILABLE',
    `board '${name}' ${why}, which this version does not support`,
    {
      details: { board: name },
    },
  )
}
