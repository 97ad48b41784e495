import type { EpochPoint, OperatorTimes, Training } from './collect.js'

/** Epochs that broke the deployed network or its measurement. */
export function failuresOf({ epochs }: Training): readonly EpochPoint[] {
  return epochs.filter(({ status }) => status === 'failed')
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

/** Up to five digits. */
export function formatMetric(value: number | undefined): string {
  if (value === undefined) return ''
  return Number.isFinite(value) ? String(Number(value.toPrecision(5))) : String(value)
}

/** To the minute, in UTC. @param time - Milliseconds since 1970. */
export function formatTime(time: number): string {
  return new Date(time).toISOString().slice(0, 16).replace('T', ' ')
}
