import { Command, Option } from 'commander'
import { TvmNodeError } from '../../errors.js'
import { buildOptions } from '../board-session.js'
import type { CommandContext } from '../context.js'
import { EXIT } from '../exit.js'
import { type KeepOptions, keepResult, resultsOption } from '../keep-result.js'
import { boardOption } from '../network-options.js'
import {
  constantsOption,
  executorOption,
  integer,
  type Layouts,
  layoutOption,
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
import { describeVerification } from '../verification.js'

interface Options extends KeepOptions {
  readonly output?: string
  readonly check?: boolean
  readonly verify?: boolean
  readonly seed?: number
  readonly format: 'artifact' | 'mlf' | 'project'
  readonly moduleName: string
  readonly target: string
  readonly optLevel: string
  readonly executor: 'auto' | 'graph' | 'vm'
  readonly shape?: Shapes
  readonly layout?: Layouts
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
    .option('-o, --output <file>', 'where to write the artifact; needed unless the model is only checked')
    .addOption(
      new Option(
        '--check',
        'compile nothing, but list all that keeps the model from it: operators and forms of them, inputs, faults; exit status 1 if anything does',
      ).conflicts('output'),
    )
    .addOption(
      new Option(
        '--verify',
        'compare with a second build at optimisation level 0 on random inputs, before anything is written',
      ),
    )
    .addOption(new Option('--seed <number>', 'of the random inputs (default: 1)').argParser(integer(1)))
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
    .addOption(executorOption())
    .addOption(shapeOption())
    .addOption(layoutOption())
    .addOption(constantsOption())
    .addOption(recordsOption())
    .addOption(noCacheOption())
    .addOption(resultsOption())
    .addOption(timeoutOption()),

  async action(context, options: Options, model: string) {
    return options.check ? check(context, options, model) : build(context, options, model)
  },
}

async function check(
  { signal, progress, print, printJson }: CommandContext,
  options: Options,
  model: string,
): Promise<number> {
  const { checkModel } = await import('../../compile/check.js')
  const { describeReport } = await import('../check-model.js')
  progress.update('check')
  const report = await checkModel(model, {
    ...(await importOptions(options)),
    signal,
    timeoutMs: timeoutMs(options),
  })
  printJson(report)
  print(describeReport(report))
  return report.ok ? EXIT.ok : EXIT.failed
}

/** What the options say of the model's inputs. */
async function importOptions({ shape = {}, constants }: Options) {
  const { readNpz } = await import('../../npz.js')
  return { shapes: shape, constants: constants === undefined ? {} : await readNpz(constants) }
}

async function build(
  { signal, progress, print, printJson }: CommandContext,
  options: Options,
  model: string,
): Promise<number> {
  const { compile } = await import('../../compile/compile.js')
  const { output } = options
  if (output === undefined) {
    throw new TvmNodeError('ERR_USAGE', "required option '-o, --output <file>' not specified")
  }
  const { stat } = await import('node:fs/promises')
  const { checkWritable } = await import('../../files.js')
  await checkWritable(output, [model])
  const started = performance.now()
  await using artifact = await compile(model, {
    ...(await buildOptions(options)),
    ...(options.layout && { desiredLayouts: options.layout }),
    format: options.format,
    moduleName: options.moduleName,
    optLevel: Number(options.optLevel),
    ...(await importOptions(options)),
    ...(options.records ? { records: options.records } : {}),
    cache: options.cache,
    ...(options.verify && { verify: options.seed === undefined ? true : { seed: options.seed } }),
    signal,
    timeoutMs: timeoutMs(options),
    onProgress: ({ phase, fraction }) => progress.update(phase, fraction),
  })
  for (const warning of artifact.warnings) progress.warn(warning)
  await artifact.save(output)
  const ms = Math.round(performance.now() - started)
  const { size } = await stat(output)
  const { metadata } = artifact
  await keepResult(options, metadata, {
    kind: 'compile',
    metrics: { compile_ms: ms, artifact_bytes: size, from_cache: Number(artifact.fromCache) },
    details: { schedules: metadata.schedules },
  })
  const { verification } = artifact
  printJson({
    path: output,
    bytes: size,
    ms,
    from_cache: artifact.fromCache,
    ...metadata,
    ...(verification && { verification }),
  })
  print(
    formatPairs([
      ['artifact', `${output} (${formatBytes(size)})`],
      ['compiled in', artifact.fromCache ? 'an earlier run (from the cache)' : `${(ms / 1000).toFixed(1)} s`],
      ['target', metadata.target],
      ['executor', metadata.executor],
      ['inputs', describeTensors(metadata.inputs)],
      ['outputs', describeTensors(metadata.outputs)],
    ]),
  )
  if (verification) print(`\n${describeVerification(verification)}`)
  if (metadata.assumed.length > 0) {
    print(
      `\nThe model leaves dimensions open, which were taken as ${describeAssumed(metadata.assumed)}; --shape says otherwise, --executor vm leaves them open.`,
    )
  }
  return EXIT.ok
}
