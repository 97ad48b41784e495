import { readFileSync } from 'node:fs'
import { TvmNodeError } from '../errors.js'
import { decodeRecord, type TuningRecord } from './record.js'

/** What a log holds. */
export interface RecordLog {
  readonly records: readonly TuningRecord[]
  /** Lines that are no records, for people; at most a few are spelled out. */
  readonly problems: readonly string[]
}

const MOST_PROBLEMS = 5

/**
 * Reads a log of tuning records, a JSON object a line. Lines that are none are left out and told of.
 *
 * @throws `ERR_RECORD` when the file cannot be read
 */
export function readRecordLog(path: string): RecordLog {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new TvmNodeError('ERR_RECORD', `cannot read the records ${path}: ${(cause as Error).message}`, {
      cause,
      details: { path },
    })
  }
  return parseRecordLog(text, path)
}

/** @param path - For what is told of damaged lines. */
export function parseRecordLog(text: string, path: string): RecordLog {
  const records: TuningRecord[] = []
  const problems: string[] = []
  let skipped = 0
  const lines = text.split('\n')
  for (const [i, line] of lines.entries()) {
    try {
      const record = decodeRecord(line)
      if (record) records.push(record)
    } catch (error) {
      skipped++
      const cut = i === lines.length - 1
      const why = cut ? 'the last line is cut off and dropped' : (error as Error).message
      if (problems.length < MOST_PROBLEMS) problems.push(`${path}, line ${i + 1}: ${why}`)
    }
  }
  if (skipped > problems.length) problems.push(`${path}: ${skipped} damaged lines in all`)
  return { records, problems }
}
