import { packageVersion } from '../version.js'
import {
  draw,
  gainChart,
  memoryChart,
  operatorChart,
  type Picture,
  passChart,
  trainingChart,
  tuningChart,
} from './charts.js'
import {
  type Compilation,
  type Computation,
  type MemoryUse,
  type OperatorTimes,
  placeOf,
  type ReportData,
  type Training,
  type Tuning,
} from './collect.js'
import {
  brokenEpochs,
  formatMetric,
  formatTime,
  headlineMetrics,
  heaviest,
  longestPass,
  memoryNeeds,
  slowest,
} from './findings.js'

const ROWS_SHOWN = 300

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --bad: #c0392b; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; border-bottom: 1px solid var(--line); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .87rem; }
th, td { text-align: left; padding: .18rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
.wide { overflow-x: auto; } figure { margin: 1rem 0; overflow-x: auto; } svg { max-width: 100%; height: auto; }
.bad { color: var(--bad); font-weight: 600; } .lead { background: var(--soft); padding: .6rem .9rem; border-radius: .4rem; list-style: none; }
@media print { body { max-width: none; margin: 0; } h2, figure { break-inside: avoid; } }
`

/** One page of HTML that needs nothing else: what was measured, in pictures and tables. */
export async function reportPage(data: ReportData): Promise<string> {
  const sections = [
    ...(await Promise.all(data.trainings.map(trainingSection))),
    ...(await Promise.all(data.operators.map(operatorSection))),
    ...(await Promise.all(data.tunings.map(tuningSection))),
    ...data.computations.map(computationSection),
    ...(await Promise.all(data.memories.map(memorySection))),
    ...(await Promise.all(data.compilations.map(compilationSection))),
    resultsSection(data),
  ]
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Deployment report</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Deployment report</h1>
<p>Made by tvm-node ${escaped(packageVersion)} on ${escaped(formatTime(Date.now()))} UTC, of ${data.results.length} results${data.truncated ? ' (the newest; older ones are left out)' : ''}.</p>
${sections.join('\n')}
</main>
</body>
</html>
`
}

async function trainingSection(training: Training): Promise<string> {
  const { network, board, tuner, run, epochs } = training
  const broken = brokenEpochs(training)
    .map(
      ({ epoch, stage, why }) =>
        `<li><span class="bad">${escaped(stage)} epoch ${epoch}</span>: ${escaped(why)}</li>`,
    )
    .join('')
  const rows = epochs.filter(({ status }) => status === 'ok')
  const names = headlineMetrics(rows)
  return section(
    `Training ${run}`,
    `<p>${escaped(network)} on ${escaped(board)}, tuner ${escaped(tuner)}.</p>
${broken ? `<ul class="lead">${broken}</ul>` : '<p class="lead">No epoch broke the deployed network.</p>'}
${await figure(trainingChart(training), `Error, latency and memory over the epochs of training ${run}`)}
${table(
  ['stage', 'epoch', ...names],
  rows.map(({ stage, epoch, metrics }) => [
    stage,
    String(epoch),
    ...names.map((name) => formatMetric(metrics[name])),
  ]),
)}`,
  )
}

async function operatorSection(times: OperatorTimes): Promise<string> {
  if (times.operators.length === 0) return ''
  return section(
    `Operators of ${times.network}`,
    `<p>On ${escaped(times.where)}.</p><p class="lead">${escaped(slowest(times))}</p>
${await figure(operatorChart(times), `Microseconds of each operator of ${times.network}`)}`,
  )
}

async function tuningSection(tuning: Tuning): Promise<string> {
  const { network, tuner = '', created_at, metrics } = tuning.result
  const gain = (metrics.before_ms ?? 0) / (metrics.after_ms ?? Number.NaN)
  const told = Number.isFinite(gain)
    ? `<p class="lead">${gain.toFixed(2)} times as fast: ${formatMetric(metrics.before_ms)} ms before, ${formatMetric(metrics.after_ms)} ms after ${formatMetric(metrics.trials)} trials.</p>`
    : ''
  const curves = tuning.tasks.some(({ gflops }) => gflops.length > 0)
  return section(
    `Tuning of ${network} by ${tuner}, ${formatTime(created_at)}`,
    `${told}
${tuning.network.length > 0 ? await figure(gainChart(tuning), `Latency of ${network} before and after`) : ''}
${curves ? await figure(tuningChart(tuning), `Best speed so far of each task of ${network}; dashed is the default`) : ''}`,
  )
}

function computationSection(computation: Computation): string {
  return section(
    `What ${computation.network} computes`,
    `<p class="lead">${escaped(heaviest(computation))}</p>
${table(
  ['operator', 'calls', 'million multiply-adds', 'bytes of parameters', 'bytes of outputs'],
  computation.operators.map(({ operator, calls, macs, parameterBytes, outputBytes }) => [
    operator,
    String(calls),
    formatMetric(macs / 1e6),
    String(parameterBytes),
    String(outputBytes),
  ]),
)}`,
  )
}

async function memorySection(use: MemoryUse): Promise<string> {
  return section(
    `Memory of ${use.network}`,
    `<p>On ${escaped(use.where)}.</p><p class="lead">${escaped(memoryNeeds(use))}</p>
${await figure(memoryChart(use), `Bytes of intermediate results during each call of ${use.network}`)}`,
  )
}

async function compilationSection(compilation: Compilation): Promise<string> {
  return section(
    `Compilation of ${compilation.network}`,
    `<p>For ${escaped(compilation.where)}.</p><p class="lead">${escaped(longestPass(compilation))}</p>
${await figure(passChart(compilation), `Milliseconds of each pass of compiling ${compilation.network}`)}`,
  )
}

function resultsSection({ results }: ReportData): string {
  const rows = results.slice(0, ROWS_SHOWN).map((result) => [
    String(result.id),
    formatTime(result.created_at),
    result.kind,
    result.network,
    placeOf(result),
    result.tuner ?? '',
    result.status,
    Object.values(result.versions).length > 0
      ? Object.entries(result.versions)
          .map(([name, value]) => `${name} ${value}`)
          .join(', ')
      : '',
  ])
  return section(
    'Results',
    table(['number', 'when', 'kind', 'network', 'on', 'tuner', 'status', 'versions'], rows),
  )
}

function section(title: string, body: string): string {
  return `<section>\n<h2>${escaped(title)}</h2>\n${body}\n</section>`
}

async function figure(spec: Picture, label: string): Promise<string> {
  return `<figure role="img" aria-label="${escaped(label)}">${await draw(spec)}</figure>`
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (tag: string, row: readonly string[]) =>
    `<tr>${row.map((text) => `<${tag}>${escaped(text)}</${tag}>`).join('')}</tr>`
  return `<div class="wide"><table><thead>${cells('th', titles)}</thead><tbody>${rows.map((row) => cells('td', row)).join('\n')}</tbody></table></div>`
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
