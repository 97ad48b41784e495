import { isTvmNodeError } from '../errors.js'
import type { Limits } from '../limits.js'
import type { Board } from './board.js'
import { checkTarget } from './board-target.js'
import { openBoard } from './open.js'

/** How a board stands: `unsupported` by this version, otherwise as its adapter says. */
export interface BoardStatus {
  readonly state: 'free' | 'busy' | 'offline' | 'unsupported'
  /** Why it is not free; empty when it is. */
  readonly reason: string
}

/** Asks a board for its state without taking it. @throws the signal's reason */
export async function boardState(board: Board, limits: Limits): Promise<BoardStatus> {
  try {
    await checkTarget(board, limits)
    await using connection = openBoard(board)
    const answer = await connection.available(limits)
    if (answer.available) return { state: 'free', reason: '' }
    return { state: answer.busy ? 'busy' : 'offline', reason: answer.reason }
  } catch (error) {
    limits.signal?.throwIfAborted()
    if (!isTvmNodeError(error)) throw error
    const { code, message } = error
    return { state: code === 'ERR_NOT_AVAILABLE' ? 'unsupported' : 'offline', reason: message }
  }
}
