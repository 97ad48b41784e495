import { Command, Option } from 'commander'
import { buildOptions } from '../board-session.js'
import { EXIT } from '../exit.js'
import { type KeepOptions, keepResult, resultsOption } from '../keep-result.js'
import { boardOption } from '../network-options.js'
import {
  constantsOption,
  noCacheOption,
  optLevelOption,
  recordsOption,
  type Shapes,
  shapeOption,
  targetOption,
  timeoutMs,
  timeoutOption,
} from '../options.js'
import type { CliCommand } from '../program.js'
import { formatBytes, formatPairs } from '../table.js'
import { describeAssumed, describeTensors } from '../tensors.js'

interface Options extends KeepOptions {
  readonly output: string
  readonly format: 'artifact' | 'mlf' | 'project'
  readonly moduleName: string
  readonly target: string
  readonly optLevel: string
  readonly shape?: Shapes
  readonly constants?: string
  readonly records?: string[]
  readonly cache: boolean
  readonly timeout?: number
}

export const compile: CliCommand = {
  command: new Command('compile')
    .summary('compile an ONNX model to an artifact')
    .description('Compiles an ONNX model to an artifact: one file with code, parameters and what they need.')
    .argument('<model>', 'ONNX file; external data is looked for beside it')
    .requiredOption('-o, --output <file>', 'where to write the artifact')
    .addOption(targetOption())
    .addOption(boardOption().conflicts('target'))
    .addOption(
      new Option(
        '--format <format>',
        "an artifact for sessions, an archive in TVM's Model Library Format, or one with a project of C",
      )
        .choices(['artifact', 'mlf', 'project'])
        .default('artifact'),
    )
    .addOption(new Option('--module-name <name>', "the network's name in generated C").default('default'))
    .addOption(optLevelOption())
    .addOption(shapeOption())
    .addOption(constantsOption())
    .addOption(recordsOption())
    .addOption(noCacheOption())
    .addOption(resultsOption())
    .addOption(timeoutOption()),

  async action({ signal, progress, print, printJson }, options: Options, model: string) {
    const { compile } = await import('../../compile/compile.js')
    const { readNpz } = await import('../../npz.js')
    const { stat } = await import('node:fs/promises')
    const { checkWritable } = await import('../../files.js')
    await checkWritable(options.output, [model])
    const started = performance.now()
    await using artifact = await compile(model, {
      ...(await buildOptions(options)),
      format: options.format,
      moduleName: options.moduleName,
      optLevel: Number(options.optLevel),
      shapes: options.shape ?? {},
      constants: options.constants === undefined ? {} : await readNpz(options.constants),
      ...(options.records ? { records: options.records } : {}),
      cache: options.cache,
      signal,
      timeoutMs: timeoutMs(options),
      onProgress: ({ phase, fraction }) => progress.update(phase, fraction),
    })
    for (const warning of artifact.warnings) progress.warn(warning)
    await artifact.save(options.output)
    const ms = Math.round(performance.now() - started)
    const { size } = await stat(options.output)
    const { metadata } = artifact
    await keepResult(options, metadata, {
      kind: 'compile',
      metrics: { compile_ms: ms, artifact_bytes: size, from_cache: Number(artifact.fromCache) },
      details: { schedules: metadata.schedules },
    })
    printJson({ path: options.output, bytes: size, ms, from_cache: artifact.fromCache, ...metadata })
    print(
      formatPairs([
        ['artifact', `${options.output} (${formatBytes(size)})`],
        [
          'compiled in',
          artifact.fromCache ? 'an earlier run (from the cache)' : `${(ms / 1000).toFixed(1)} s`,
        ],
        ['target', metadata.target],
        ['inputs', describeTensors(metadata.inputs)],
        ['outputs', describeTensors(metadata.outputs)],
      ]),
    )
    if (metadata.assumed.length > 0) {
      print(
        `\nThe model leaves dimensions open, which were taken as ${describeAssumed(metadata.assumed)}; --shape says otherwise.`,
      )
    }
    return EXIT.ok
  },
}
