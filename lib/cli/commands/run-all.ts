import { Command } from 'commander'
import type { BatchResult } from '../../batch/run-all.js'
import { EXIT } from '../exit.js'
import type { CliCommand } from '../program.js'
import { formatBytes, formatTable } from '../table.js'

export const runAll: CliCommand = {
  command: new Command('run-all')
    .summary('measure models on boards by tuners')
    .description(
      'Tunes, builds and measures every model of a configuration on every board by every tuner; boards work side by side. What an earlier ' +
        'run measured is taken from the file of results, so that a run that was cut off goes on. Exit status 1 if anything failed.',
    )
    .argument('<config>', 'YAML file with models, boards, tuners and results; see schema/batch.schema.json'),

  async action({ signal, progress, print, printJson }, _options: unknown, path: string) {
    const { readBatch } = await import('../../batch/plan.js')
    const { runAll: run } = await import('../../batch/run-all.js')
    const batch = readBatch(path)
    let done = 0
    const results = await run(batch, {
      signal,
      onEvent(event) {
        const { model, board, tuner } = event.combination
        const name = `${model.name} on ${board.name} by ${tuner.name}`
        if (event.type === 'end') {
          done++
          if (event.result.reason) progress.warn(`${name}: ${event.result.reason}`)
        }
        const label = event.type === 'step' && progress.interactive ? `${name}: ${event.step}` : name
        progress.update(label, done / batch.combinations.length)
      },
    })
    for (const result of results) printJson(result)
    print(table(results))
    const failed = results.filter(({ status }) => status === 'failed').length
    print(`\n${results.length - failed} of ${results.length} measured; kept in ${batch.results}`)
    return failed > 0 ? EXIT.failed : EXIT.ok
  },
}

function table(results: readonly BatchResult[]): string {
  const number = (value: number | undefined, digits = 4) =>
    value === undefined ? '' : String(Number(value.toPrecision(digits)))
  return formatTable(results, [
    { title: 'model', value: ({ model }) => model },
    { title: 'board', value: ({ board }) => board },
    { title: 'tuner', value: ({ tuner }) => tuner },
    { title: 'latency us', value: ({ metrics }) => number(metrics.latency_us), align: 'right' },
    {
      title: 'times as fast',
      value: ({ gain }) => (gain === undefined ? '' : gain.toFixed(2)),
      align: 'right',
    },
    {
      title: 'memory',
      value: ({ metrics }) => (metrics.memory_bytes === undefined ? '' : formatBytes(metrics.memory_bytes)),
      align: 'right',
    },
    {
      title: 'built in s',
      value: ({ metrics }) => number((metrics.build_ms ?? Number.NaN) / 1000, 3).replace('NaN', ''),
      align: 'right',
    },
    { title: '', value: ({ status, kept }) => (status === 'failed' ? 'failed' : kept ? 'kept' : '') },
  ])
}
