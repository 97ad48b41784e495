import { Argument, Command } from 'commander'
import type { BoardProbe } from '../../boards/probe.js'
import { TvmNodeError } from '../../errors.js'
import type { CommandContext } from '../context.js'
import { EXIT } from '../exit.js'
import { trackerOption } from '../network-options.js'
import type { CliCommand } from '../program.js'
import { terminalPrompt } from '../prompt.js'
import { formatBytes, formatPairs, formatTable } from '../table.js'

interface Options {
  readonly tracker?: string
}

export const boards: CliCommand = {
  command: new Command('boards')
    .summary("list the boards with their state, or look at one's processor")
    .description(
      'Lists the boards known by name, and whether each can be used now; or connects with one and shows what it has.',
    )
    .addArgument(new Argument('[action]', 'what to do').choices(['list', 'probe']).default('list'))
    .argument('[board]', 'board to probe, by its name or the path of its description')
    .addOption(trackerOption()),

  action(context, options: Options, action: 'list' | 'probe', board?: string) {
    return action === 'probe' ? probe(context, board) : list(context, options)
  },
}

async function list({ signal, progress, print, printJson }: CommandContext, { tracker }: Options) {
  const { listBoards } = await import('../../boards/list.js')
  const { boardFaults } = await import('../../boards/find.js')
  for (const fault of boardFaults()) progress.warn(fault)
  progress.update('ask the boards')
  const rows = await listBoards({ signal, tracker })
  for (const row of rows) printJson(row)
  print(
    formatTable(rows, [
      { title: 'board', value: ({ board }) => board },
      { title: 'key', value: ({ key }) => key },
      { title: 'connector', value: ({ connector }) => connector },
      { title: 'state', value: ({ state, reason }) => (state === 'busy' ? `busy, ${reason}` : state) },
      { title: 'hardware', value: ({ never_run }) => (never_run ? 'never run on it' : '') },
      { title: 'target', value: ({ target }) => target },
    ]),
  )
  return EXIT.ok
}

async function probe({ signal, progress, print, printJson }: CommandContext, name: string | undefined) {
  if (name === undefined) throw new TvmNodeError('ERR_USAGE', 'name the board to probe: boards probe NAME')
  const { findBoard } = await import('../../boards/find.js')
  const { probeBoard } = await import('../../boards/probe.js')
  const board = findBoard(name)
  progress.update(`connect with ${board.name}`)
  const found = await probeBoard(board, { signal, prompt: terminalPrompt() })
  printJson({ board: board.name, target: board.target, ...snakeCased(found) })
  const { host, architecture, model, cores, features, system, memoryBytes, runtimes, compilers, missing } =
    found
  const none = 'none'
  print(
    formatPairs([
      ['board', `${board.name} (${host})`],
      [
        'processor',
        [architecture, model, `${cores} core${cores === 1 ? '' : 's'}`].filter(Boolean).join(', '),
      ],
      ['features', features.join(' ') || none],
      ['system', system],
      ['memory', formatBytes(memoryBytes)],
      ['runtimes', runtimes.join('; ') || `${none}: a small server is brought there for each run`],
      ['compilers', compilers.join('; ') || none],
      ...(missing.length > 0 ? [['lacks', missing.join(' ')] as const] : []),
    ]),
  )
  return EXIT.ok
}

function snakeCased({ memoryBytes, ...rest }: BoardProbe) {
  return { ...rest, memory_bytes: memoryBytes }
}
