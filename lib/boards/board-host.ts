import { TvmNodeError } from '../errors.js'
import type { Prompt } from '../ssh/authentication.js'
import type { SshHost } from '../ssh/connection.js'
import { automateHost } from './automate.js'
import { type Board, connectorOf, leaseOf } from './board.js'
import type { LockDatabaseSettings } from './lock-database.js'
import { sshHost } from './ssh-host.js'

/** A machine that is a board, and what is known of it. */
export interface BoardHost {
  readonly host: SshHost
  /** Folder on the board for one's files. */
  readonly rundir: string
  /** Milliseconds after which the board is free of a run that is lost. */
  readonly leaseMs: number
  /** Where it is kept who holds the board; default on the board. */
  readonly database?: LockDatabaseSettings | undefined
  /** What restarts a board that hangs, where it can be done from. */
  readonly reset?: { readonly host: SshHost; readonly commands: readonly string[] } | undefined
}

/** Folder on boards of which none is known, within the home folder. */
const RUNDIR = '.tvm-node'

/** The machines that are a board. @throws `ERR_CONFIG` when there is none, and as `automateHost` */
export function boardHosts(board: Board, prompt?: Prompt): [BoardHost, ...BoardHost[]] {
  const leaseMs = leaseOf(board)
  const held = (where: Omit<BoardHost, 'leaseMs'>): BoardHost => ({
    ...where,
    host: { ...where.host, leaseMs },
    leaseMs,
  })
  if (connectorOf(board) === 'automate') return [held(automateHost(board.name, prompt))]
  const hosts = board.ssh === null ? [] : [board.ssh].flat()
  const [first, ...more] = hosts.map((each) => held({ host: sshHost(each, prompt), rundir: RUNDIR }))
  if (first) return [first, ...more]
  throw new TvmNodeError(
    'ERR_CONFIG',
    `board '${board.name}': the connector 'ssh' needs a host, such as ssh: {host: ${board.name}}`,
    { details: { path: 'ssh' } },
  )
}
