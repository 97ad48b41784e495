import { Command } from 'commander'
import { place } from '../board-session.js'
import { EXIT } from '../exit.js'
import { type KeepOptions, keepResult, latencyMetrics, resultsOption } from '../keep-result.js'
import { boardOption, trackerOption } from '../network-options.js'
import {
  inputsOption,
  integer,
  isolationOption,
  threadsOption,
  timeoutMs,
  timeoutOption,
} from '../options.js'
import type { CliCommand } from '../program.js'
import { bar, formatTable } from '../table.js'
import { givenInputs } from '../tensors.js'

interface Options extends KeepOptions {
  readonly inputs?: string
  readonly threads?: number
  readonly repeat: number
  readonly isolation: 'thread' | 'process'
  readonly timeout?: number
  readonly tracker?: string
}

export const profile: CliCommand = {
  command: new Command('profile')
    .summary('show what each operator of an artifact takes')
    .description('Runs an artifact and shows the time that each of its operators takes, slowest first.')
    .argument('<artifact>', 'file that "compile" wrote')
    .addOption(inputsOption())
    .addOption(threadsOption())
    .option('--repeat <count>', 'runs of the whole network for its latency', integer(1), 10)
    .addOption(isolationOption())
    .addOption(resultsOption())
    .addOption(timeoutOption())
    .addOption(boardOption())
    .addOption(trackerOption()),

  async action({ signal, progress, print, printJson }, options: Options, artifact: string) {
    const limits = { signal, timeoutMs: timeoutMs(options) }
    const { repeat } = options
    progress.update('load')
    await using placed = await place(artifact, options, limits)
    const { session, where } = placed
    progress.update('run')
    const inputs = await givenInputs(options.inputs, session.inputs)
    const { metrics, profile } = await session.profile(inputs, { ...limits, repeat })
    await keepResult(options, session.metadata, {
      kind: 'profile',
      metrics: { ...latencyMetrics(metrics.latencyUs), threads: session.threads },
      details: { profile },
    })
    printJson({ threads: session.threads, metrics, profile })
    const slowest = [...profile].sort((a, b) => b.durationUs - a.durationUs)
    const most = slowest[0]?.percent ?? 0
    print(
      formatTable(slowest, [
        { title: 'operator', value: ({ name }) => name },
        { title: 'us', value: ({ durationUs }) => durationUs.toFixed(1), align: 'right' },
        { title: '%', value: ({ percent }) => percent.toFixed(1), align: 'right' },
        { title: '', value: ({ percent }) => bar(percent / most, 30) },
      ]),
    )
    const { median, min, max } = metrics.latencyUs
    print(
      `\nthe whole network takes ${median.toFixed(0)} us (${min.toFixed(0)} to ${max.toFixed(0)} in ${repeat} runs) on ${where}`,
    )
    return EXIT.ok
  },
}
