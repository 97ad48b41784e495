import { readFileSync } from 'node:fs'
import { TvmNodeError } from '../errors.js'
import { isDatabase, readDatabase } from './database.js'
import { LineProblems } from './line-problems.js'
import { decodeRecord, type TuningRecord } from './record.js'

/** What a log holds. */
export interface RecordLog {
  readonly records: readonly TuningRecord[]
  /** Lines that are no records, for people; at most a few are spelled out. */
  readonly problems: readonly string[]
}

/**
 * Reads a log of tuning records, a JSON object a line, or a folder in which MetaSchedule keeps its own. Lines that are none are left
 * out and told of.
 *
 * @throws `ERR_RECORD` when the file cannot be read
 */
export function readRecordLog(path: string): RecordLog {
  try {
    return isDatabase(path) ? readDatabase(path) : parseRecordLog(readFileSync(path, 'utf8'), path)
  } catch (cause) {
    throw new TvmNodeError('ERR_RECORD', `cannot read the records ${path}: ${(cause as Error).message}`, {
      cause,
      details: { path },
    })
  }
}

/** @param path - For what is told of damaged lines. */
export function parseRecordLog(text: string, path: string): RecordLog {
  const records: TuningRecord[] = []
  const problems = new LineProblems(path)
  const lines = text.split('\n')
  for (const [i, line] of lines.entries()) {
    try {
      const record = decodeRecord(line)
      if (record) records.push(record)
    } catch (error) {
      const cut = i === lines.length - 1
      const why = cut ? 'the last line is cut off and dropped' : (error as Error).message
      problems.add(i + 1, why)
    }
  }
  return { records, problems: problems.all }
}
