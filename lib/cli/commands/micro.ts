import { Argument, Command } from 'commander'
import { EXIT } from '../exit.js'
import type { CliCommand } from '../program.js'
import { formatTable } from '../table.js'

export const micro: CliCommand = {
  command: new Command('micro')
    .summary('show the tools for boards without an operating system')
    .description(
      'Shows the compilers and simulators that the predefined boards need: which were found, in which version, and how to get the ' +
        'others. Exit status 1 when one is missing.',
    )
    .addArgument(new Argument('<action>', 'what to do').choices(['doctor'])),

  async action({ print, printJson }) {
    const { boardNames, findBoard } = await import('../../boards/find.js')
    const { findTools, toolsOf } = await import('../../micro/tools.js')
    const users = boardNames().flatMap((file) => {
      const { micro } = findBoard(file)
      if (!micro?.firmware) return []
      return [{ name: file, compiler: micro.firmware.compiler, simulator: micro.simulator ?? [] }]
    })
    const tools = await findTools(toolsOf(users))
    for (const tool of tools) printJson({ ...tool, ok: tool.problem === undefined })
    print(
      formatTable(tools, [
        { title: '', value: ({ problem }) => (problem ? 'missing' : 'ok') },
        { title: 'tool', value: ({ command }) => command },
        { title: 'what for', value: ({ purpose }) => purpose },
        {
          title: 'found',
          value: ({ version = 'nothing', problem }) =>
            problem && version !== 'nothing' ? `${version}: ${problem}` : version,
        },
        { title: 'boards', value: ({ boards }) => boards.join(', ') },
      ]),
    )
    const missing = tools.filter(({ problem }) => problem)
    for (const { install } of missing) print(`\n${install}`)
    return missing.length > 0 ? EXIT.failed : EXIT.ok
  },
}
