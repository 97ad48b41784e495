import { basename } from 'node:path'
import { Command, Option } from 'commander'
import type { TuningRecord } from '../../schedule-config/record.js'
import type { TunerConfig } from '../../tuning/config.js'
import type { TuneHistory } from '../../tuning/history.js'
import type { TaskReport } from '../../tuning/tune.js'
import { boardBehind } from '../board-session.js'
import { EXIT } from '../exit.js'
import { type KeepOptions, keepResult, resultsOption } from '../keep-result.js'
import { boardOption, trackerOption } from '../network-options.js'
import {
  constantsOption,
  integer,
  type Layouts,
  layoutOption,
  nonNegative,
  optLevelOption,
  type Shapes,
  shapeOption,
  targetOption,
  threadsOption,
  timeoutMs,
  timeoutOption,
} from '../options.js'
import type { CliCommand } from '../program.js'
import { terminalPrompt } from '../prompt.js'
import { formatTable } from '../table.js'
import { duration, milliseconds } from '../tune-display.js'

const tuners = ['autotvm', 'auto_scheduler', 'meta_scheduler'] as const

interface Options extends KeepOptions {
  readonly tuner: (typeof tuners)[number]
  readonly taskBudget: number
  readonly mode: TunerConfig['mode']
  readonly equalTaskBudget?: boolean
  readonly earlyStopping?: number
  readonly timeBudget?: number
  readonly seed: number
  readonly records?: string
  readonly best?: string
  readonly output?: string
  readonly plot?: string
  readonly templates?: string[]
  readonly target: string
  readonly board?: string
  readonly tracker?: string
  readonly optLevel: string
  readonly shape?: Shapes
  readonly layout?: Layouts
  readonly constants?: string
  readonly threads?: number
  readonly timeout?: number
}

export const tune: CliCommand = {
  command: new Command('tune')
    .summary('search faster configurations for the operators of a model')
    .description(
      'Tunes an ONNX model on this machine or on a board: measures configurations of its operators, and keeps those that make the whole network faster. Everything measured is appended to the records, from which another call goes on.',
    )
    .argument('<model>', 'ONNX file; external data is looked for beside it')
    .addOption(new Option('--tuner <name>', 'how to tune').choices(tuners).default('autotvm'))
    .addOption(
      new Option('--task-budget <trials>', 'trials for each task; on average, where some get more')
        .argParser(integer(0))
        .default(4),
    )
    .addOption(
      new Option('--mode <mode>', 'how the configurations are searched')
        .choices(['xgb', 'xgb_rank', 'random', 'gridsearch', 'ga'])
        .default('xgb'),
    )
    .option(
      '--equal-task-budget',
      'the same number of trials for every task, instead of more where latency is',
    )
    .addOption(
      new Option('--early-stopping <trials>', 'leave a task after so many trials without a gain').argParser(
        integer(1),
      ),
    )
    .addOption(new Option('--time-budget <seconds>', 'end the search after this time').argParser(nonNegative))
    .addOption(new Option('--seed <number>', 'seed of the search').argParser(integer(0)).default(0))
    .option(
      '--records <file>',
      "log, or folder for meta_scheduler, that is read and appended, in TVM's format (default: MODEL.TUNER.log)",
    )
    .option('--best <file>', 'where to write the records that were kept (default: RECORDS.best)')
    .option('-o, --output <file>', 'where to write the tuned network as an artifact')
    .option('--plot <file>', 'where to draw the search and its gain, as SVG')
    .addOption(
      new Option(
        '--templates <file>',
        'module that registers templates of your own; repeat it for several',
      ).argParser((path: string, before: string[] = []) => [...before, path]),
    )
    .addOption(targetOption())
    .addOption(boardOption())
    .addOption(trackerOption())
    .addOption(optLevelOption())
    .addOption(shapeOption())
    .addOption(layoutOption())
    .addOption(constantsOption())
    .addOption(threadsOption())
    .addOption(resultsOption())
    .addOption(timeoutOption()),

  async action({ signal, progress, print, printJson }, options: Options, model: string) {
    const { tune } = await import('../../boards/tune.js')
    const { TuneDisplay } = await import('../tune-display.js')
    const { TuneHistory } = await import('../../tuning/history.js')
    const { recordPlaces } = await import('../../tuning/record-store.js')
    const { readNpz } = await import('../../npz.js')
    const { checkWritable } = await import('../../files.js')
    const records = options.records ?? `${basename(model, '.onnx')}.${options.tuner}.log`
    const best = options.best ?? `${records}.best`
    const places = await recordPlaces(best, options.tuner)
    const outputs = [...places, options.output, options.plot].filter((path) => path !== undefined)
    for (const path of outputs) await checkWritable(path, [model, records])
    const display = new TuneDisplay(progress)
    const history = new TuneHistory()
    const report = await tune(model, {
      ...(options.board === undefined
        ? { target: options.target }
        : { board: await boardBehind(options.board, options.tracker), prompt: terminalPrompt() }),
      optLevel: Number(options.optLevel),
      shapes: options.shape ?? {},
      ...(options.layout && { desiredLayouts: options.layout }),
      constants: options.constants === undefined ? {} : await readNpz(options.constants),
      tuner: tunerConfig(options, records),
      ...(options.threads === undefined ? {} : { threads: options.threads }),
      ...(options.templates ? { templates: options.templates } : {}),
      signal,
      timeoutMs: timeoutMs(options),
      onEvent(event) {
        display.show(event)
        history.add(event)
        printJson(event)
      },
    })
    await using artifact = report.artifact
    if (options.output) await artifact.save(options.output)
    await writeResults({ tuner: options.tuner, best, records: report.best, plot: options.plot, history })
    const { tasks, beforeMs, afterMs, trials, seconds } = report
    await keepResult(options, artifact.metadata, {
      kind: 'tune',
      tuner: options.tuner,
      metrics: { before_ms: beforeMs, after_ms: afterMs, trials, seconds },
      details: { tasks: history.tasks, network: history.network },
    })
    printJson({ type: 'report', beforeMs, afterMs, trials, seconds, records, best, tasks })
    print(taskTable(tasks))
    print(`\n${summary(beforeMs, afterMs, tasks)} (${trials} trials, ${duration(seconds)})`)
    print(`records: ${records}; those kept: ${best}${options.output ? `; artifact: ${options.output}` : ''}`)
    return EXIT.ok
  },
}

function tunerConfig(options: Options, records: string): TunerConfig {
  return {
    name: options.tuner,
    task_budget: options.taskBudget,
    mode: options.mode,
    equal_task_budget: options.equalTaskBudget ?? false,
    seed: options.seed,
    records,
    ...(options.earlyStopping === undefined ? {} : { early_stopping: options.earlyStopping }),
    ...(options.timeBudget ? { time_budget: options.timeBudget } : {}),
  }
}

interface Results {
  readonly tuner: Options['tuner']
  readonly best: string
  readonly records: readonly TuningRecord[]
  readonly plot: string | undefined
  readonly history: TuneHistory
}

async function writeResults({ tuner, best, records, plot, history }: Results): Promise<void> {
  const { writeRecords } = await import('../../tuning/record-store.js')
  const { plotTuning } = await import('../../tuning/plot.js')
  const { writeWhole } = await import('../../files.js')
  await writeRecords(best, records, tuner)
  if (plot) await writeWhole(plot, [Buffer.from(plotTuning(history))])
}

function summary(beforeMs: number, afterMs: number, tasks: readonly TaskReport[]): string {
  const kept = tasks.filter((task) => task.kept).length
  const gain = `${(beforeMs / afterMs).toFixed(2)} times as fast`
  return kept === 0
    ? `the untuned network is the fastest: ${milliseconds(beforeMs)}`
    : `${milliseconds(beforeMs)} before, ${milliseconds(afterMs)} after: ${gain}`
}

function taskTable(tasks: readonly TaskReport[]): string {
  const number = (value: number | undefined, digits = 4) =>
    value === undefined ? '' : value.toPrecision(digits)
  return formatTable(tasks, [
    { title: 'task', value: ({ description }) => description.split(' ').slice(0, 3).join(' ') },
    { title: 'calls', value: ({ weight }) => String(weight), align: 'right' },
    { title: 'trials', value: ({ trials }) => String(trials), align: 'right' },
    { title: 'default ms', value: ({ defaultMs }) => number(defaultMs), align: 'right' },
    { title: 'best ms', value: ({ bestMs }) => number(bestMs), align: 'right' },
    {
      title: 'GFLOPS',
      value: ({ gflop, bestMs }) => number(bestMs === undefined ? undefined : (1000 * gflop) / bestMs, 3),
      align: 'right',
    },
    { title: 'kept', value: ({ kept, failure }) => (failure ? 'failed' : kept ? 'tuned' : 'default') },
  ])
}
