import { findBundle } from '../bundle/index.js'
import { TvmNodeError } from '../errors.js'
import type { Limits } from '../limits.js'
import { runInEngine } from '../process/engine.js'
import type { LibraryReport } from '../process/library-task.js'
import type { Board } from './board.js'

/** What of a library decides whether it serves a target. */
export type Abilities = Pick<LibraryReport, 'path' | 'code' | 'devices'>

function needsCuda(target: string): boolean {
  return /^cuda\b|^nvidia\//.test(target)
}

/**
 * Whether a library serves a board's target: those with CUDA need a library that was built with it.
 *
 * @throws `ERR_NOT_AVAILABLE` with the board's name and what the library lacks
 */
export function checkServed({ name, target }: Pick<Board, 'name' | 'target'>, library: Abilities): void {
  if (!needsCuda(target)) return
  const lacking = [
    ...(library.code.includes('cuda') ? [] : ['code for it']),
    ...(library.devices.includes('cuda') ? [] : ['its devices']),
  ]
  if (lacking.length === 0) return
  throw new TvmNodeError(
    'ERR_NOT_AVAILABLE',
    `board '${name}' has the target '${target}', which needs CUDA; ${library.path} lacks ${lacking.join(' and ')}. Set TVM_HOME to a build of TVM 0.18 with USE_CUDA, or use the board's processor: '${name}_cpu', or another target`,
    { details: { board: name, target, library: library.path } },
  )
}

/**
 * Asks the library in use whether it serves a board's target.
 *
 * @throws as `checkServed`, and those of opening the library
 */
export async function checkTarget(board: Pick<Board, 'name' | 'target'>, limits: Limits = {}): Promise<void> {
  if (!needsCuda(board.target)) return
  const { source, libtvm } = findBundle()
  // The libraries that come with this package have no CUDA; only a build of one's own need be asked.
  const library =
    source === 'TVM_HOME'
      ? ((await runInEngine('library', {}, limits)) as LibraryReport)
      : { path: libtvm, code: [], devices: [] }
  checkServed(board, library)
}
