import { Command } from 'commander'
import type { ArtifactMetadata } from '../../session/artifact.js'
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
        ...scheduled(metadata),
        ['inputs', describeTensors(metadata.inputs)],
        ['outputs', describeTensors(metadata.outputs)],
        ['members', members.join(', ')],
      ]),
    )
    return EXIT.ok
  },
}

/** By where the schedules come from: the implementations, with how often each. */
function scheduled({ schedules }: ArtifactMetadata): [string, string][] {
  return (['tuned', 'default-record', 'untuned'] as const).map((source) => {
    const counts = new Map<string, number>()
    for (const each of schedules)
      if (each.source === source) counts.set(each.implementation, (counts.get(each.implementation) ?? 0) + 1)
    const names = [...counts].sort().map(([name, count]) => (count > 1 ? `${name} (${count})` : name))
    return [source, names.join(', ') || 'nothing']
  })
}
