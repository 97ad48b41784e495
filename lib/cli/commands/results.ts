import { Argument, Command, Option } from 'commander'
import { TvmNodeError } from '../../errors.js'
import { formatTime } from '../../report/findings.js'
import type { Change } from '../../results/compare.js'
import { resultKinds, resultStatuses } from '../../results/kinds.js'
import type { ResultFilter, StoredResult } from '../../results/record.js'
import type { ResultStore } from '../../results/store.js'
import type { CommandContext } from '../context.js'
import { EXIT } from '../exit.js'
import { type KeepOptions, resultsFile, resultsOption } from '../keep-result.js'
import { integer } from '../options.js'
import type { CliCommand } from '../program.js'
import { bar, formatPairs, formatTable } from '../table.js'
import { formatNumber } from '../tensors.js'

interface Options extends KeepOptions, Omit<ResultFilter, 'since'> {
  readonly since?: string
  readonly format: 'csv' | 'json'
  readonly output?: string
}

export const results: CliCommand = {
  command: new Command('results')
    .summary('list, compare and export results that were kept')
    .description(
      'Lists the results in a file of results, shows one, compares two, or exports them as CSV or JSON.',
    )
    .addArgument(
      new Argument('[action]', 'what to do').choices(['list', 'show', 'compare', 'export']).default('list'),
    )
    .argument('[ids...]', 'numbers of results: one to show, two to compare')
    .addOption(resultsOption())
    .addOption(new Option('--kind <kind>', 'only those of a kind').choices(resultKinds))
    .option('--network <name>', 'only those of a network')
    .option('--board <name>', 'only those of a board')
    .option('--tuner <name>', 'only those of a tuner')
    .option('--run <name>', 'only those of one run, such as a training')
    .addOption(new Option('--status <status>', 'only those that ended so').choices(resultStatuses))
    .option('--since <date>', 'only those since a date, such as 2026-11-01')
    .option('--limit <count>', 'the newest so many (default: 50; of an export: all)', integer(1))
    .addOption(new Option('--format <format>', 'what to export').choices(['csv', 'json']).default('csv'))
    .option('-o, --output <file>', 'where to write the export (default: stdout)'),

  async action(context, options: Options, action: keyof typeof actions, ids: string[]) {
    const { ResultStore } = await import('../../results/store.js')
    await using store = await ResultStore.open(existing(options))
    await actions[action](store, context, options, ids.map(idOf))
    return EXIT.ok
  },
}

/** The file to read. @throws `ERR_USAGE` where none is named */
export function existing(options: KeepOptions): string {
  const path = resultsFile(options)
  if (path !== undefined) return path
  throw new TvmNodeError('ERR_USAGE', 'name the file of results with --results or TVM_NODE_RESULTS')
}

type Action = (
  store: ResultStore,
  context: CommandContext,
  options: Options,
  ids: readonly number[],
) => Promise<void>

const actions = { list, show, compare, export: exportAll } satisfies Record<string, Action>

async function list(store: ResultStore, { print, printJson }: CommandContext, options: Options) {
  const found = await store.list(filterOf(options))
  for (const result of found) printJson(result)
  if (found.length === 0) return print('no results')
  print(
    formatTable(found, [
      { title: 'number', value: ({ id }) => String(id), align: 'right' },
      { title: 'when', value: ({ created_at }) => formatTime(created_at) },
      { title: 'kind', value: ({ kind }) => kind },
      { title: 'network', value: ({ network }) => network },
      { title: 'on', value: ({ board, target }) => board ?? target ?? '' },
      { title: 'tuner', value: ({ tuner }) => tuner ?? '' },
      { title: 'epoch', value: ({ epoch }) => String(epoch ?? ''), align: 'right' },
      { title: 'status', value: ({ status }) => status },
      { title: 'metrics', value: headline },
    ]),
  )
}

async function show(
  store: ResultStore,
  { print, printJson }: CommandContext,
  _options: Options,
  ids: readonly number[],
) {
  for (const id of expectIds(ids, 1, 'show')) {
    const result = await store.get(id)
    printJson(result)
    const { details, metrics, versions, created_at, ...rest } = result
    print(
      formatPairs([
        ...Object.entries(rest).map(([name, value]) => [name, String(value)] as const),
        ['when', new Date(created_at).toISOString()],
        ...Object.entries(versions).map(([name, value]) => [`version of ${name}`, value] as const),
        ...Object.entries(metrics).map(([name, value]) => [name, formatNumber(value)] as const),
        ['kept with it', Object.keys(details).join(', ') || 'nothing'],
      ]),
    )
  }
}

async function compare(
  store: ResultStore,
  { print, printJson }: CommandContext,
  _options: Options,
  ids: readonly number[],
) {
  const { compareResults } = await import('../../results/compare.js')
  const [first, second] = expectIds(ids, 2, 'compare') as [number, number]
  const { before, after, metrics, operators } = compareResults(
    await store.get(first),
    await store.get(second),
  )
  printJson({ before: before.id, after: after.id, metrics, operators })
  const columns = [
    { title: '', value: ({ name }: Change) => name },
    {
      title: `number ${first}`,
      value: ({ before }: Change) => formatNumber(before),
      align: 'right' as const,
    },
    { title: `number ${second}`, value: ({ after }: Change) => formatNumber(after), align: 'right' as const },
    {
      title: 'ratio',
      value: ({ ratio }: Change) => (ratio === undefined ? '' : ratio.toFixed(3)),
      align: 'right' as const,
    },
  ]
  print(formatTable(metrics, columns))
  if (operators.length === 0) return
  const most = Math.max(...operators.map(({ before = 0, after = 0 }) => Math.max(before, after)))
  print('\nmicroseconds of each operator')
  print(formatTable(operators, [...columns, { title: '', value: ({ after = 0 }) => bar(after / most, 24) }]))
}

async function exportAll(store: ResultStore, { print, printJson }: CommandContext, options: Options) {
  const { writeWhole } = await import('../../files.js')
  const { resultsToCsv } = await import('../../results/csv.js')
  const found = await store.list({ limit: Number.MAX_SAFE_INTEGER, ...filterOf(options) })
  const text =
    options.format === 'csv'
      ? resultsToCsv(found)
      : `${JSON.stringify(await Promise.all(found.map(({ id }) => store.get(id))))}\n`
  if (options.output === undefined) {
    process.stdout.write(text)
    return
  }
  await writeWhole(options.output, [Buffer.from(text)])
  printJson({ path: options.output, results: found.length })
  print(`wrote ${found.length} results to ${options.output}`)
}

export function filterOf({ kind, network, board, tuner, run, status, since, limit }: Options): ResultFilter {
  const given = Object.entries({ kind, network, board, tuner, run, status, limit }).filter(
    ([, value]) => value !== undefined,
  )
  return { ...Object.fromEntries(given), ...(since !== undefined && { since: dateOf(since) }) }
}

function dateOf(text: string): number {
  const time = Date.parse(text)
  if (Number.isNaN(time)) throw new TvmNodeError('ERR_USAGE', `'${text}' is no date; write 2026-11-01`)
  return time
}

function idOf(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new TvmNodeError('ERR_USAGE', `'${text}' is no number of a result; "results list" shows them`)
}

function expectIds(ids: readonly number[], count: number, action: string): readonly number[] {
  if (ids.length === count) return ids
  throw new TvmNodeError('ERR_USAGE', `"results ${action}" takes ${count} number${count > 1 ? 's' : ''}`)
}

/** The numbers that people look at first. */
function headline({ metrics }: StoredResult): string {
  const wanted = /(latency_us|mse|top1_agreement|before_ms|after_ms|ratio|compile_ms)$/
  return Object.entries(metrics)
    .filter(([name]) => wanted.test(name))
    .slice(0, 3)
    .map(([name, value]) => `${name.replace(/^(val|test)_backend_/, '')} ${Number(value.toPrecision(4))}`)
    .join(', ')
}
