import { Command, Option } from 'commander'
import { TvmNodeError } from '../../errors.js'
import { EXIT } from '../exit.js'
import { type KeepOptions, resultsOption } from '../keep-result.js'
import { integer } from '../options.js'
import type { CliCommand } from '../program.js'
import { existing } from './results.js'

interface Options extends KeepOptions {
  readonly output?: string
  readonly text?: boolean
  readonly network?: string
  readonly run?: string
  readonly limit?: number
}

export const report: CliCommand = {
  command: new Command('report')
    .summary('show kept results as a page with pictures')
    .description(
      'Writes one HTML page that needs nothing else: error, latency and memory over the epochs of trainings, what each operator ' +
        'takes, and what tuning gained. With --text it is a summary for the terminal.',
    )
    .addOption(resultsOption())
    .addOption(new Option('-o, --output <file>', 'where to write the page').conflicts('text'))
    .option('--text', 'print a summary instead')
    .option('--network <name>', 'only results of a network')
    .option('--run <name>', 'only results of one run, such as a training')
    .option('--limit <count>', 'only the newest so many results', integer(1), 5000),

  async action({ print, printJson }, options: Options) {
    if (!options.text && options.output === undefined) {
      throw new TvmNodeError('ERR_USAGE', 'name the page with -o FILE, or ask for --text')
    }
    const { ResultStore } = await import('../../results/store.js')
    const { collect } = await import('../../report/collect.js')
    const { checkWritable, writeWhole } = await import('../../files.js')
    const path = existing(options)
    if (options.output !== undefined) await checkWritable(options.output, [path])
    await using store = await ResultStore.open(path)
    const { network, run, limit } = options
    const data = await collect(store, {
      ...(network !== undefined && { network }),
      ...(run !== undefined && { run }),
      ...(limit !== undefined && { limit }),
    })
    if (options.output === undefined) {
      const { reportText } = await import('../report-text.js')
      const { results, ...parts } = data
      printJson({ ...parts, results: results.length })
      print(reportText(data))
      return EXIT.ok
    }
    const { reportPage } = await import('../../report/page.js')
    const page = Buffer.from(await reportPage(data))
    await writeWhole(options.output, [page])
    printJson({ path: options.output, bytes: page.length, results: data.results.length })
    print(`wrote ${options.output}, a page about ${data.results.length} results`)
    return EXIT.ok
  },
}
