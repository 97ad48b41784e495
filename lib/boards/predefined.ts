import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { parseConfig } from '../config/check.js'
import { TvmNodeError } from '../errors.js'
import { nearest } from '../nearest.js'
import { type Board, type BoardInput, boardSchema } from './board.js'

/** Where the boards that come with the package are described, a file each. */
const folder = fileURLToPath(new URL('../../boards', import.meta.url))
const ENDING = '.yml'

/** Names of the predefined boards. */
export function boardNames(): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(ENDING))
    .map((name) => basename(name, ENDING))
    .sort()
}

/**
 * A board by the name of its file, or from a description of its own.
 *
 * @throws `ERR_UNKNOWN_BOARD` with the nearest name, `ERR_CONFIG` for a description with a fault.
 */
export function findBoard(board: string | BoardInput): Board {
  if (typeof board !== 'string') return parseConfig(boardSchema, board, 'board')
  const names = boardNames()
  if (!names.includes(board)) {
    const near = nearest(board, names)
    throw new TvmNodeError(
      'ERR_UNKNOWN_BOARD',
      `there is no board '${board}'; ${near ? `did you mean '${near}'?` : `the predefined ones are ${names.join(', ')}`}`,
      { details: { board, nearest: near, boards: names } },
    )
  }
  const path = join(folder, board + ENDING)
  return parseConfig(boardSchema, parse(readFileSync(path, 'utf8')), `board '${board}'`)
}
