import { summarize } from '../statistics.js'
import type { Compilation, Computation, EpochPoint, MemoryUse, OperatorTimes, Training } from './collect.js'

/** An epoch that broke the deployed network or its measurement, and how. */
export interface BrokenEpoch {
  readonly stage: string
  readonly epoch: number
  readonly why: string
}

/** Below this ratio of signal and noise, a tenth of the amplitude, a network starts to behave differently. */
const NOISY_DB = 20
/** The noise is twice what it was. */
const FALL_DB = 6
/** So much more of the decisions differ than before. */
const FALL_AGREEMENT = 0.05

/**
 * Epochs that could not be measured, that yield values which are no numbers, or whose deployed network is much further from the
 * trained one than in the epochs before. An epoch is compared with the median of those before it that were well.
 */
export function brokenEpochs({ epochs }: Pick<Training, 'epochs'>): BrokenEpoch[] {
  const well: Record<string, EpochPoint[]> = {}
  return epochs.flatMap((point) => {
    const { stage, epoch, status } = point
    if (status === 'skipped') return []
    well[stage] ??= []
    const before = well[stage]
    const why = status === 'failed' ? (point.why ?? 'it failed') : worse(point, before)
    if (why !== undefined) return [{ stage, epoch, why }]
    before.push(point)
    return []
  })
}

function worse({ metrics }: EpochPoint, before: readonly EpochPoint[]): string | undefined {
  const { mse, sqnr_db: ratio, top1_agreement: agreement } = metrics
  if (Number.isNaN(mse)) return 'outputs are no numbers'
  const usual = (name: string) =>
    median(before.flatMap(({ metrics }) => (metrics[name] === undefined ? [] : [metrics[name]])))
  const [usualRatio = FALL_DB, usualAgreement = 0.5 + FALL_AGREEMENT] = [
    usual('sqnr_db'),
    usual('top1_agreement'),
  ]
  const said: string[] = []
  if (agreement !== undefined && agreement < usualAgreement - FALL_AGREEMENT) {
    const compared = before.length > 0 ? `, ${percent(usualAgreement)} before` : ''
    said.push(`it decides as the trained one in ${percent(agreement)} of the cases${compared}`)
  }
  if (ratio !== undefined && ratio < NOISY_DB && ratio < usualRatio - FALL_DB) {
    const compared = before.length > 0 ? `, ${usualRatio.toFixed(1)} dB before` : ''
    said.push(`signal to noise is ${ratio.toFixed(1)} dB${compared}`)
  }
  return said.length > 0 ? said.join('; ') : undefined
}

function median(values: readonly number[]): number | undefined {
  return values.length > 0 ? summarize(values).median : undefined
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}

/** The metrics that a table of epochs has room for, those that any of them has. */
export function headlineMetrics(epochs: readonly EpochPoint[]): string[] {
  const wanted = ['mse', 'sqnr_db', 'top1_agreement', 'latency_us', 'memory_bytes', 'prepare_ms']
  return wanted.filter((name) => epochs.some(({ metrics }) => metrics[name] !== undefined))
}

/** Which operator takes the time, in a sentence. */
export function slowest({ operators }: OperatorTimes): string {
  const total = operators.reduce((sum, { us }) => sum + us, 0)
  const [first] = operators
  if (!first || total === 0) return 'No operator takes any time.'
  const share = Math.round((100 * first.us) / total)
  return `${first.name} takes ${share} % of the time (${formatMetric(first.us)} of ${formatMetric(total)} µs).`
}

/** What does most of the computing, in a sentence. */
export function heaviest({ operators }: Computation): string {
  const total = operators.reduce((sum, { macs }) => sum + macs, 0)
  const [first] = operators
  if (!first || total === 0) return 'No operator multiplies.'
  const share = Math.round((100 * first.macs) / total)
  return `${first.operator} does ${share} % of ${formatMetric(total / 1e6)} million multiplications with an addition.`
}

/** How much memory a network needs, in a sentence. */
export function memoryNeeds({ peakBytes, workspaceBytes, parameterBytes, steps }: MemoryUse): string {
  const at = steps.find(({ liveBytes }) => liveBytes === peakBytes)?.name
  const most = at === undefined ? '' : `, while ${at} runs`
  return `Of intermediate results at most ${formatMetric(peakBytes)} bytes are needed at once${most}; ${formatMetric(workspaceBytes)} are planned, beside ${formatMetric(parameterBytes)} of parameters.`
}

/** What takes the longest of a compilation, in a sentence. */
export function longestPass({ passes }: Compilation): string {
  const total = passes.reduce((sum, { selfUs }) => sum + selfUs, 0)
  const [first] = passes
  if (!first || total === 0) return 'No pass takes any time.'
  return `${first.kind} ${first.name} takes ${Math.round((100 * first.selfUs) / total)} % of ${formatMetric(total / 1e6)} s.`
}

/** Up to five digits. */
export function formatMetric(value: number | undefined): string {
  if (value === undefined) return ''
  return Number.isFinite(value) ? String(Number(value.toPrecision(5))) : String(value)
}

/** To the minute, in UTC. @param time - Milliseconds since 1970. */
export function formatTime(time: number): string {
  return new Date(time).toISOString().slice(0, 16).replace('T', ' ')
}
