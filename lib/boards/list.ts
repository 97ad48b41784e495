import type { Limits } from '../limits.js'
import { type Board, connectorOf } from './board.js'
import { boardNames, findBoard } from './find.js'
import { type BoardStatus, boardState } from './state.js'

/** Milliseconds for a board to say whether it is free. */
const PROMPT = 10_000

/** A board that can be asked for by name, and how it stands. */
export interface ListedBoard extends BoardStatus {
  readonly board: string
  /** The key under which it is locked and known to trackers. */
  readonly key: string
  readonly connector: string
  readonly target: string
  /** Whether nobody has run a network on the hardware by its description yet. */
  readonly never_run: boolean
}

/**
 * All boards that can be asked for by name, each asked for its state.
 *
 * @param tracker - host:port in place of what the descriptions of boards behind a tracker say.
 * @throws the signal's reason
 */
export function listBoards({
  signal,
  tracker,
}: Limits & { readonly tracker?: string | undefined } = {}): Promise<ListedBoard[]> {
  return Promise.all(
    boardNames().map(async (name) => {
      const found = findBoard(name)
      const isElsewhere = tracker && connectorOf(found) === 'automate'
      const board: Board = isElsewhere ? { ...found, connector: 'rpc', tracker } : found
      const status = await boardState(board, { signal, timeoutMs: PROMPT })
      const { name: key, target, never_run } = board
      return { board: name, key, connector: connectorOf(board), target, never_run, ...status }
    }),
  )
}
