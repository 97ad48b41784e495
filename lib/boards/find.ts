import { existsSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseConfig } from '../config/check.js'
import { readConfigFile } from '../config/file.js'
import { isTvmNodeError, TvmNodeError } from '../errors.js'
import { nearest } from '../nearest.js'
import { automateSite, boardOfAutomate } from './automate.js'
import { type Board, type BoardInput, boardSchema } from './board.js'

/** Where the boards that come with the package are described, a file each. */
const OWN_FOLDER = fileURLToPath(new URL('../../boards', import.meta.url))
const ENDING = '.yml'

/** Folders of descriptions: those of `TVM_NODE_BOARDS`, apart by colons, before the package's own. */
function folders(): string[] {
  return [...(process.env.TVM_NODE_BOARDS ?? '').split(':').filter(Boolean), OWN_FOLDER]
}

/** Names of the boards that can be asked for by name: the user's own, the predefined ones and those of automate. */
export function boardNames(): string[] {
  const names = folders().flatMap((folder) => (existsSync(folder) ? readdirSync(folder) : []))
  const files = names.filter((name) => name.endsWith(ENDING)).map((name) => basename(name, ENDING))
  const others = automateOrFaults().site?.boards.map(({ name }) => name) ?? []
  return [...new Set([...files, ...others])].sort()
}

/** What keeps boards of automate from being known, each with its file. */
export function boardFaults(): string[] {
  const { site, faults } = automateOrFaults()
  return [...faults, ...(site?.faults ?? [])].map(({ message }) => message)
}

function automateOrFaults() {
  try {
    return { site: automateSite(), faults: [] }
  } catch (error) {
    if (!isTvmNodeError(error, 'ERR_CONFIG')) throw error
    return { site: undefined, faults: [error] }
  }
}

/**
 * A board by the name of its file, by the path of a file, or from a description of its own.
 *
 * @throws `ERR_UNKNOWN_BOARD` with the nearest name, `ERR_CONFIG` for a description with a fault, with its line in a file.
 */
export function findBoard(board: string | BoardInput): Board {
  if (typeof board !== 'string') return parseConfig(boardSchema, board, 'board')
  if (board.endsWith(ENDING) || board.includes('/')) return readConfigFile(boardSchema, board)
  const path = folders()
    .map((folder) => join(folder, board + ENDING))
    .find((candidate) => existsSync(candidate))
  if (path) return readConfigFile(boardSchema, path)
  const model = automateOrFaults().site?.boards.find(({ name }) => name === board)
  if (model) return boardSchema.parse(boardOfAutomate(model))
  const names = boardNames()
  const near = nearest(board, names)
  const faults = boardFaults()
  const left = faults.length > 0 ? `; left out: ${faults.join('; ')}` : ''
  throw new TvmNodeError(
    'ERR_UNKNOWN_BOARD',
    `there is no board '${board}'; ${near ? `did you mean '${near}'?` : `the boards are ${names.join(', ')}`}${left}`,
    { details: { board, nearest: near, boards: names } },
  )
}
