import { Command } from 'commander'
import { EXIT } from '../exit.js'
import type { CliCommand } from '../program.js'
import { formatTable } from '../table.js'

const MARK = { ok: 'ok', missing: 'missing', optional: '-' } as const

export const doctor: CliCommand = {
  command: new Command('doctor')
    .summary('show what was found on this machine')
    .description(
      'Shows what was found, where and in which version. Exit status 1 when something needed is missing.',
    ),

  async action({ signal, progress, print, printJson }) {
    const { examine } = await import('../examine.js')
    progress.update('look around')
    const findings = await examine(signal)
    for (const finding of findings) printJson(finding)
    print(
      formatTable(findings, [
        { title: '', value: ({ status }) => MARK[status] },
        { title: 'what', value: ({ name }) => name },
        { title: 'found', value: ({ value }) => value },
      ]),
    )
    for (const fix of new Set(findings.map(({ fix }) => fix))) if (fix) print(`\n${fix}`)
    return findings.some(({ status }) => status === 'missing') ? EXIT.failed : EXIT.ok
  },
}
