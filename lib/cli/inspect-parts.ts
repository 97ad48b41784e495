import type { CompileOptions } from '../compile/compile.js'
import { TvmNodeError } from '../errors.js'
import type { RecordScripts } from '../meta-schedule/scripts-task.js'
import { isArtifact } from '../session/artifact.js'
import type { MemoryAnalysis } from '../session/memory.js'
import type { CommandContext } from './context.js'
import { type KeepOptions, keepResult } from './keep-result.js'
import { type Shapes, timeoutMs } from './options.js'
import { bar, formatBytes, formatPairs, formatTable } from './table.js'

export interface InspectOptions extends KeepOptions {
  readonly target: string
  readonly shape?: Shapes
  readonly constants?: string
  readonly output?: string
  readonly timeout?: number
}

const SHOWN = 20

/** What the operators of a model do. */
export async function operators(context: CommandContext, options: InspectOptions, model: string) {
  const { countOperators } = await import('../compile/analysis/count.js')
  const { identifyModel } = await import('../compile/model-identity.js')
  const { signal, progress, print, printJson } = context
  progress.update('count')
  const counts = await countOperators(model, {
    ...(await inputsOf(options)),
    signal,
    timeoutMs: timeoutMs(options),
  })
  const { total } = counts
  await keepResult(options, await identifyModel(model), {
    kind: 'operators',
    metrics: { macs: total.macs, parameter_bytes: total.parameterBytes, output_bytes: total.outputBytes },
    details: { operators: counts.operators },
  })
  printJson(counts)
  const rows = [...counts.operators, { operator: 'all', ...total }]
  print(
    formatTable(rows, [
      { title: 'operator', value: ({ operator }) => operator },
      { title: 'calls', value: ({ calls }) => String(calls), align: 'right' },
      { title: 'MMACs', value: ({ macs }) => (macs / 1e6).toFixed(3), align: 'right' },
      { title: 'parameters', value: ({ parameterBytes }) => formatBytes(parameterBytes), align: 'right' },
      { title: 'outputs', value: ({ outputBytes }) => formatBytes(outputBytes), align: 'right' },
      { title: '', value: ({ macs }) => bar(macs / Math.max(total.macs, 1), 24) },
    ]),
  )
}

/** Which tensors are in memory when, in an artifact or in what is compiled of a model. */
export async function memory(context: CommandContext, options: InspectOptions, file: string) {
  const { analyzeMemory } = await import('../session/memory.js')
  const { readArtifact } = await import('../session/artifact.js')
  const show = async (path: string) => {
    const analysis = await analyzeMemory(path)
    const { metadata } = await readArtifact(path)
    const { parameters, workspace, peak, steps } = analysis
    await keepResult(options, metadata, {
      kind: 'memory',
      metrics: { parameter_bytes: parameters, workspace_bytes: workspace, peak_bytes: peak.bytes },
      details: { steps },
    })
    context.printJson(analysis)
    context.print(describeMemory(analysis))
  }
  if (await isArtifact(file)) return show(file)
  await using artifact = await compiled(context, options, file)
  await show(artifact.path)
}

function describeMemory({ parameters, workspace, peak, steps }: MemoryAnalysis): string {
  const most = Math.max(1, peak.bytes)
  const all = steps.map((step, number) => ({ ...step, number }))
  const largest = all.toSorted((a, b) => b.liveBytes - a.liveBytes).slice(0, SHOWN)
  return [
    formatPairs([
      ['parameters', formatBytes(parameters)],
      ['planned working memory', formatBytes(workspace)],
      [
        'peak of what is needed at once',
        `${formatBytes(peak.bytes)}, in call ${peak.step} (${steps[peak.step]?.name})`,
      ],
      [
        'tensors at the peak',
        peak.tensors.map(({ name, bytes }) => `${name} (${formatBytes(bytes)})`).join(', '),
      ],
    ]),
    '\ncalls with the most in memory',
    formatTable(
      largest.sort((a, b) => a.number - b.number),
      [
        { title: 'call', value: ({ number }) => String(number), align: 'right' },
        { title: 'operator', value: ({ name }) => name },
        { title: 'live', value: ({ liveBytes }) => formatBytes(liveBytes), align: 'right' },
        { title: '', value: ({ liveBytes }) => bar(liveBytes / most, 24) },
      ],
    ),
  ].join('\n')
}

/** What takes the time of a compilation. */
export async function passes(context: CommandContext, options: InspectOptions, model: string) {
  const { readFile } = await import('node:fs/promises')
  const { passTimes, readTrace } = await import('../compile/analysis/trace.js')
  const { checkWritable } = await import('../files.js')
  const { makePrivateFolder, removePrivateFolder } = await import('../private-folders.js')
  if (options.output !== undefined) await checkWritable(options.output, [model])
  const folder = await makePrivateFolder()
  try {
    const path = options.output ?? `${folder}/trace.json`
    await using artifact = await compiled(context, options, model, { trace: path })
    const times = passTimes(readTrace(await readFile(path, 'utf8')))
    await keepResult(options, artifact.metadata, {
      kind: 'passes',
      metrics: { compile_ms: times.reduce((sum, { selfUs }) => sum + selfUs, 0) / 1000 },
      details: { passes: times },
    })
    for (const time of times) context.printJson(time)
    const most = times[0]?.selfUs ?? 1
    context.print(
      formatTable(times.slice(0, SHOWN), [
        { title: '', value: ({ kind }) => kind },
        { title: 'name', value: ({ name }) => name },
        { title: 'runs', value: ({ runs }) => String(runs), align: 'right' },
        { title: 'ms', value: ({ selfUs }) => (selfUs / 1000).toFixed(1), align: 'right' },
        { title: '', value: ({ selfUs }) => bar(selfUs / most, 24) },
      ]),
    )
    if (options.output !== undefined) context.print(`\ntrace: ${options.output}`)
  } finally {
    await removePrivateFolder(folder)
  }
}

/** The programs of a folder of records, from the fastest one of each function on. */
export async function records(
  { signal, progress, print, printJson }: CommandContext,
  options: InspectOptions,
  folder: string,
) {
  const { resolve } = await import('node:path')
  const { runInEngine } = await import('../process/engine.js')
  const { isDatabase } = await import('../schedule-config/database.js')
  const { meanCost } = await import('../schedule-config/record.js')
  if (!isDatabase(folder)) throw new TvmNodeError('ERR_USAGE', `${folder} is no folder of records`)
  const limits = { signal, timeoutMs: timeoutMs(options) }
  const { scripts, problems } = (await runInEngine(
    'record-scripts',
    { path: resolve(folder) },
    limits,
  )) as RecordScripts
  for (const problem of problems) progress.warn(problem)
  const sorted = scripts.toSorted((a, b) =>
    a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : meanCost(a) - meanCost(b),
  )
  for (const each of sorted) {
    printJson(each)
    const time = each.costs.length === 0 ? 'failed' : `${(1e6 * meanCost(each)).toFixed(3)} us`
    print(`# function ${each.hash}, ${time}, ${each.target}`)
    print(`${each.script ?? `# does not apply: ${each.problem}`}\n`)
  }
}

async function compiled(
  { signal, progress }: CommandContext,
  options: InspectOptions,
  model: string,
  more: Pick<CompileOptions, 'trace'> = {},
) {
  const { compile } = await import('../compile/compile.js')
  return compile(model, {
    ...(await inputsOf(options)),
    ...more,
    target: options.target,
    signal,
    timeoutMs: timeoutMs(options),
    onProgress: ({ phase, fraction }) => progress.update(phase, fraction),
  })
}

/** What the options say of the model's inputs. */
async function inputsOf({ shape = {}, constants }: InspectOptions) {
  const { readNpz } = await import('../npz.js')
  return { shapes: shape, constants: constants === undefined ? {} : await readNpz(constants) }
}
