import { Command } from 'commander'
import { EXIT } from '../exit.js'
import { trackerOption } from '../network-options.js'
import type { CliCommand } from '../program.js'
import { formatTable } from '../table.js'

interface Options {
  readonly tracker?: string
}

export const boards: CliCommand = {
  command: new Command('boards')
    .summary('list the boards with their state')
    .description('Lists the predefined boards, and whether each can be used now.')
    .addOption(trackerOption()),

  async action({ signal, progress, print, printJson }, { tracker }: Options) {
    const { listBoards } = await import('../../boards/list.js')
    progress.update('ask the boards')
    const rows = await listBoards({ signal, tracker })
    for (const row of rows) printJson(row)
    print(
      formatTable(rows, [
        { title: 'board', value: ({ board }) => board },
        { title: 'key', value: ({ key }) => key },
        { title: 'connector', value: ({ connector }) => connector },
        { title: 'state', value: ({ state }) => state },
        { title: 'hardware', value: ({ never_run }) => (never_run ? 'never run on it' : '') },
        { title: 'target', value: ({ target }) => target },
      ]),
    )
    return EXIT.ok
  },
}
