import { Command } from 'commander'
import { TvmNodeError } from '../../errors.js'
import type { ArtifactMetadata } from '../../session/artifact.js'
import type { CommandContext } from '../context.js'
import { EXIT } from '../exit.js'
import type { InspectOptions } from '../inspect-parts.js'
import { resultsOption } from '../keep-result.js'
import { constantsOption, shapeOption, targetOption, timeoutOption } from '../options.js'
import type { CliCommand } from '../program.js'
import { formatBytes, formatPairs } from '../table.js'
import { describeTensors } from '../tensors.js'

const parts = {
  operators: 'the operators of a model, with multiplications and bytes',
  memory: 'what is in memory when, and at the peak',
  passes: 'what takes the time of compiling a model; -o writes a trace',
  records: 'the programs of records that meta_scheduler wrote, as TVMScript',
} as const

export const inspect: CliCommand = {
  command: new Command('inspect')
    .summary('show what an artifact says of itself, or what is in a model')
    .description(
      'Checks an artifact and shows what it holds; runs nothing of it and needs no TVM library. With a part in front, shows that: ' +
        `${Object.entries(parts)
          .map(([name, what]) => `"${name}", ${what}`)
          .join('; ')}.`,
    )
    .argument('<part-or-artifact>', `${Object.keys(parts).join(', ')}; or the artifact to look at`)
    .argument('[file]', 'the ONNX model; for "memory" an artifact too; for "records" their folder')
    .option('-o, --output <file>', 'where to write the trace of "passes", for Chrome, Perfetto or speedscope')
    .addOption(targetOption())
    .addOption(shapeOption())
    .addOption(constantsOption())
    .addOption(resultsOption())
    .addOption(timeoutOption()),

  async action(context, options: InspectOptions, part: string, file?: string) {
    if (file === undefined) return artifact(context, part)
    if (!Object.hasOwn(parts, part)) {
      throw new TvmNodeError(
        'ERR_USAGE',
        `'${part}' is no part to inspect; there are ${Object.keys(parts).join(', ')}`,
      )
    }
    const views = await import('../inspect-parts.js')
    await views[part as keyof typeof parts](context, options, file)
    return EXIT.ok
  },
}

async function artifact({ print, printJson }: CommandContext, path: string): Promise<number> {
  const { readArtifact } = await import('../../session/artifact.js')
  const { metadata } = await readArtifact(path)
  printJson(metadata)
  const members = Object.entries(metadata.members).map(([name, { size }]) => `${name} (${formatBytes(size)})`)
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
