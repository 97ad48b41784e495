import { Command } from 'commander'
import { EXIT } from '../exit.js'
import type { CliCommand } from '../program.js'
import { formatBytes, formatPairs } from '../table.js'
import { describeTensors } from '../tensors.js'

export const inspect: CliCommand = {
  command: new Command('inspect')
    .summary('show what an artifact says of itself')
    .description('Checks an artifact and shows what it holds. Runs nothing of it and needs no TVM library.')
    .argument('<artifact>', 'file that "compile" wrote'),

  async action({ print, printJson }, _options: unknown, path: string) {
    const { readArtifact } = await import('../../session/artifact.js')
    const { metadata } = await readArtifact(path)
    printJson(metadata)
    const members = Object.entries(metadata.members).map(
      ([name, { size }]) => `${name} (${formatBytes(size)})`,
    )
    print(
      formatPairs([
        ['name', metadata.name],
        ['format', String(metadata.format)],
        ['created by', `tvm-node ${metadata.createdBy}`],
        ['model SHA-256', metadata.modelHash],
        ['target', metadata.target],
        ['CPU features', metadata.cpuFeatures.join(' ') || 'none beyond the plain instruction set'],
        ['TVM', `${metadata.libraryVersion} (${metadata.libraryCommit})`],
        ['executor', metadata.executor],
        ['optimisation', `level ${metadata.optLevel}`],
        ['untuned', metadata.untunedOperators.join(' ') || 'nothing'],
        ['inputs', describeTensors(metadata.inputs)],
        ['outputs', describeTensors(metadata.outputs)],
        ['members', members.join(', ')],
      ]),
    )
    return EXIT.ok
  },
}
