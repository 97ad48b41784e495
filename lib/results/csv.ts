import type { StoredResult } from './record.js'

const plain = [
  'id',
  'created_at',
  'kind',
  'network',
  'status',
  'run',
  'board',
  'target',
  'tuner',
  'stage',
  'epoch',
  'model_hash',
] as const

/**
 * Results as comma-separated values (RFC 4180): a row each, with a column for each metric and version that any of them has.
 * Times are in ISO 8601.
 */
export function resultsToCsv(results: readonly StoredResult[]): string {
  const namesOf = (part: 'metrics' | 'versions') =>
    [...new Set(results.flatMap((result) => Object.keys(result[part])))].sort()
  const [metrics, versions] = [namesOf('metrics'), namesOf('versions')]
  const header = [...plain, ...metrics, ...versions.map((name) => `version ${name}`)]
  const rows = results.map((result) => [
    ...plain.map((name) =>
      name === 'created_at' ? new Date(result.created_at).toISOString() : result[name],
    ),
    ...metrics.map((name) => result.metrics[name]),
    ...versions.map((name) => result.versions[name]),
  ])
  return [header, ...rows].map((row) => `${row.map(field).join(',')}\r\n`).join('')
}

function field(value: unknown): string {
  const text = value === undefined ? '' : String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
