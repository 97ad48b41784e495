import type { OperatorTimes, ReportData, Training, Tuning } from '../report/collect.js'
import {
  brokenEpochs,
  formatMetric,
  headlineMetrics,
  heaviest,
  longestPass,
  memoryNeeds,
  slowest,
} from '../report/findings.js'
import { bar, formatTable } from './table.js'

const OPERATORS_SHOWN = 12

/** The report for a terminal. */
export function reportText(data: ReportData): string {
  const parts = [
    ...data.trainings.map(trainingText),
    ...data.operators.filter(({ operators }) => operators.length > 0).map(operatorText),
    ...data.tunings.map(tuningText),
    ...data.computations.map((each) => `What ${each.network} computes\n${heaviest(each)}`),
    ...data.memories.map((use) => `Memory of ${use.network} on ${use.where}\n${memoryNeeds(use)}`),
    ...data.compilations.map(
      (each) => `Compilation of ${each.network} for ${each.where}\n${longestPass(each)}`,
    ),
  ]
  return parts.length > 0
    ? parts.join('\n\n')
    : `no trainings, profiles or tunings among ${data.results.length} results`
}

function trainingText(training: Training): string {
  const { run, network, board, epochs } = training
  const rows = epochs.filter(({ status }) => status === 'ok')
  const names = headlineMetrics(rows)
  const broken = brokenEpochs(training).map(
    ({ stage, epoch, why }) => `${stage} epoch ${epoch} BROKE: ${why}`,
  )
  const table = formatTable(rows, [
    { title: 'stage', value: ({ stage }) => stage },
    { title: 'epoch', value: ({ epoch }) => String(epoch), align: 'right' },
    ...names.map((name) => ({
      title: name,
      value: ({ metrics }: (typeof rows)[number]) => formatMetric(metrics[name]),
      align: 'right' as const,
    })),
  ])
  return [`Training ${run}: ${network} on ${board}`, ...broken, ...(rows.length > 0 ? [table] : [])].join(
    '\n',
  )
}

function operatorText(times: OperatorTimes): string {
  const shown = times.operators.slice(0, OPERATORS_SHOWN)
  const most = shown[0]?.us ?? 1
  const table = formatTable(shown, [
    { title: 'operator', value: ({ name }) => name },
    { title: 'us', value: ({ us }) => us.toFixed(1), align: 'right' },
    { title: 'before', value: ({ beforeUs }) => beforeUs?.toFixed(1) ?? '', align: 'right' },
    { title: '', value: ({ us }) => bar(us / most, 24) },
  ])
  return `Operators of ${times.network} on ${times.where}\n${slowest(times)}\n${table}`
}

function tuningText({ result, tasks }: Tuning): string {
  const { network, tuner, metrics } = result
  const rows = tasks.filter(({ gflops }) => gflops.length > 0)
  const table = formatTable(rows, [
    { title: 'task', value: ({ info }) => info.description.slice(0, 60) },
    { title: 'times', value: ({ info }) => String(info.weight), align: 'right' },
    { title: 'trials', value: ({ gflops }) => String(gflops.length), align: 'right' },
    { title: 'default GFLOPS', value: ({ defaultGflops }) => formatMetric(defaultGflops), align: 'right' },
    { title: 'best', value: ({ bestGflops }) => formatMetric(bestGflops), align: 'right' },
  ])
  return `Tuning of ${network} by ${tuner}: ${formatMetric(metrics.before_ms)} ms before, ${formatMetric(metrics.after_ms)} ms after\n${table}`
}
