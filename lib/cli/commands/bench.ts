import { Command, Option } from 'commander'
import { TvmNodeError } from '../../errors.js'
import type { Limits } from '../../limits.js'
import type { NamedTensors } from '../../session/inputs.js'
import type { Session } from '../../session/session.js'
import type { Summary } from '../../statistics.js'
import { buildOptions, place } from '../board-session.js'
import type { CommandContext } from '../context.js'
import { EXIT } from '../exit.js'
import { type KeepOptions, keepResult, latencyMetrics, resultsOption } from '../keep-result.js'
import { boardOption, trackerOption } from '../network-options.js'
import {
  executorOption,
  inputsOption,
  integer,
  noCacheOption,
  optLevelOption,
  recordsOption,
  type Shapes,
  shapeOption,
  targetOption,
  threadsOption,
  timeoutMs,
  timeoutOption,
} from '../options.js'
import type { CliCommand } from '../program.js'
import { formatTable } from '../table.js'
import { givenInputs } from '../tensors.js'

interface Options extends KeepOptions {
  readonly inputs?: string
  readonly threads?: number
  readonly runs: number
  readonly against?: 'onnxruntime'
  readonly target: string
  readonly optLevel: string
  readonly executor: 'auto' | 'graph' | 'vm'
  readonly shape?: Shapes
  readonly records?: string[]
  readonly cache: boolean
  readonly timeout?: number
  readonly tracker?: string
}

export const bench: CliCommand = {
  command: new Command('bench')
    .summary('measure the latency of a model or artifact')
    .description(
      'Measures how long a run takes: median, spread (distance between the quartiles) and extremes. A peer is measured in turns ' +
        'with it; the ratio of the medians is below 1 where tvm-node is faster.',
    )
    .argument('<file>', 'ONNX model, or artifact that "compile" wrote')
    .addOption(inputsOption())
    .addOption(threadsOption())
    .option('--runs <count>', 'runs to measure', integer(1), 100)
    .addOption(
      new Option('--against <peer>', 'peer to compare with; needs the model').choices(['onnxruntime']),
    )
    .addOption(targetOption())
    .addOption(boardOption().conflicts(['target', 'against']))
    .addOption(trackerOption())
    .addOption(optLevelOption())
    .addOption(executorOption())
    .addOption(shapeOption())
    .addOption(recordsOption())
    .addOption(noCacheOption())
    .addOption(resultsOption())
    .addOption(timeoutOption()),

  async action(context: CommandContext, options: Options, file: string) {
    const { measureInTurns } = await import('../measure.js')
    const { signal, progress, print, printJson } = context
    const isModel = !(await (await import('../../session/artifact.js')).isArtifact(file))
    if (!isModel && options.against) {
      throw new TvmNodeError(
        'ERR_USAGE',
        `--against ${options.against} needs the ONNX model; ${file} is an artifact`,
      )
    }
    await using artifact = isModel ? await compileFor(file, options, context) : undefined
    progress.update('load')
    const limits = { signal, timeoutMs: timeoutMs(options) }
    await using placed = await place(artifact ?? file, options, limits)
    const { session, where } = placed
    const inputs = await givenInputs(options.inputs, session.inputs)
    const peer = options.against
      ? await (await import('../peer.js')).openOnnxRuntime(file, inputs, session.threads)
      : undefined
    try {
      const contenders = [
        async () => void (await session.run(inputs, limits)),
        ...(peer ? [() => peer.run()] : []),
      ]
      const [own, other] = options.board
        ? [await onBoard(session, inputs, options.runs, limits)]
        : await measureInTurns(contenders, options.runs, {
            signal,
            onRound: (fraction) => progress.update('measure', fraction),
          })
      const ratio = other && (own as Summary).median / other.median
      await keepResult(options, session.metadata, {
        kind: 'bench',
        metrics: {
          ...latencyMetrics(inMicroseconds(own as Summary)),
          threads: session.threads,
          ...(other && { peer_latency_us: other.median * 1000, ratio: ratio ?? 0 }),
        },
        ...(peer && { versions: { [peer.name]: peer.version } }),
      })
      printJson({
        name: session.metadata.name,
        target: session.metadata.target,
        threads: session.threads,
        ...figures(own as Summary),
        ...(peer &&
          other && {
            peer: { name: peer.name, version: peer.version, ...figures(other) },
            ratio: round(ratio ?? 0),
          }),
      })
      const rows = [{ name: 'tvm-node', summary: own as Summary }]
      if (peer && other) rows.push({ name: `${peer.name} ${peer.version}`, summary: other })
      print(
        formatTable(rows, [
          { title: `${session.metadata.name}, ${where}`, value: ({ name }) => name },
          { title: 'median ms', value: ({ summary }) => summary.median.toFixed(3), align: 'right' },
          { title: 'spread', value: ({ summary }) => summary.spread.toFixed(3), align: 'right' },
          { title: 'min', value: ({ summary }) => summary.min.toFixed(3), align: 'right' },
          { title: 'max', value: ({ summary }) => summary.max.toFixed(3), align: 'right' },
          { title: 'runs', value: ({ summary }) => String(summary.count), align: 'right' },
        ]),
      )
      if (ratio !== undefined) print(`\nratio ${ratio.toFixed(2)} (lower is better)`)
    } finally {
      await peer?.dispose()
    }
    return EXIT.ok
  },
}

/** Milliseconds a run as the board measures it, without the ways of tensors. */
async function onBoard(
  session: Session,
  inputs: NamedTensors,
  repeat: number,
  limits: Limits,
): Promise<Summary> {
  const { metrics } = await session.profile(inputs, { ...limits, repeat })
  const { median, spread, min, max, count } = metrics.latencyUs
  return { median: median / 1000, spread: spread / 1000, min: min / 1000, max: max / 1000, count }
}

async function compileFor(model: string, options: Options, { signal, progress }: CommandContext) {
  const { compile } = await import('../../compile/compile.js')
  return compile(model, {
    ...(await buildOptions(options)),
    optLevel: Number(options.optLevel),
    shapes: options.shape ?? {},
    ...(options.records ? { records: options.records } : {}),
    cache: options.cache,
    signal,
    timeoutMs: timeoutMs(options),
    onProgress: ({ phase, fraction }) => progress.update(phase, fraction),
  })
}

function figures({ median, spread, min, max, count }: Summary) {
  return {
    median_ms: round(median),
    spread_ms: round(spread),
    min_ms: round(min),
    max_ms: round(max),
    runs: count,
  }
}

/** A summary of milliseconds. */
function inMicroseconds({ count, ...times }: Summary): Summary {
  const { median, spread, min, max } = times
  return { median: median * 1000, spread: spread * 1000, min: min * 1000, max: max * 1000, count }
}

function round(value: number): number {
  return Number(value.toPrecision(5))
}
