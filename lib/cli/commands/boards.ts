import { Command } from 'commander'
import { EXIT } from '../exit.js'
import { trackerOption } from '../network-options.js'
import type { CliCommand } from '../program.js'
import { formatTable } from '../table.js'

interface Options {
  readonly tracker?: string
}

/** Milliseconds for a board to say whether it is free. */
const PROMPT = 10_000

export const boards: CliCommand = {
  command: new Command('boards')
    .summary('list the boards with their state')
    .description('Lists the predefined boards, and whether each can be used now.')
    .addOption(trackerOption()),

  async action({ signal, progress, print, printJson }, { tracker }: Options) {
    const { boardNames, findBoard } = await import('../../boards/predefined.js')
    const { connectorOf } = await import('../../boards/board.js')
    const { boardState } = await import('../../boards/state.js')
    progress.update('ask the boards')
    const rows = await Promise.all(
      boardNames().map(async (file) => {
        const found = findBoard(file)
        const board = tracker && connectorOf(found) === 'automate' ? { ...found, tracker } : found
        const { state, reason } = await boardState(board, { signal, timeoutMs: PROMPT })
        return {
          board: file,
          key: board.name,
          connector: connectorOf(board),
          target: board.target,
          state,
          reason,
        }
      }),
    )
    for (const row of rows) printJson(row)
    print(
      formatTable(rows, [
        { title: 'board', value: ({ board }) => board },
        { title: 'key', value: ({ key }) => key },
        { title: 'connector', value: ({ connector }) => connector },
        { title: 'state', value: ({ state }) => state },
        { title: 'target', value: ({ target }) => target },
      ]),
    )
    return EXIT.ok
  },
}
