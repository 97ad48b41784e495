import { findBundle } from '../bundle/index.js'
import type { CompileOptions } from '../compile/compile.js'
import { compilerOfAutomate } from './automate.js'
import { type Board, connectorOf, passConfigOf } from './board.js'

/** What of a build a board decides. */
export type BoardBuild = Pick<
  CompileOptions,
  'target' | 'config' | 'executor' | 'linker' | 'desiredLayouts' | 'alignment'
>

/** What runs a network by the field `executor` of boards without an operating system. */
const programs = { aot: 'aot', graph: 'host' } as const

/**
 * What a network is compiled for and how, for the board to run it. Where TVM's libraries came without `lld`, the compiler of automate's
 * metadata links. Whether the library in use serves the target is for `checkTarget` to say.
 */
export function buildFor(board: Board): BoardBuild {
  const connector = connectorOf(board)
  const aot = board.micro?.aot
  const isLinked = connector !== 'automate' || findBundle().lld !== undefined
  const linker = isLinked ? undefined : compilerOfAutomate(board.name)
  return {
    target: board.target,
    config: passConfigOf(board),
    ...(board.desired_layouts && { desiredLayouts: board.desired_layouts }),
    ...(aot && {
      alignment: { workspace: aot.workspace_byte_alignment, constants: aot.constant_byte_alignment },
    }),
    executor: connector === 'micro' ? programs[board.micro?.executor ?? 'aot'] : 'auto',
    ...(linker !== undefined && { linker }),
  }
}
