import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { writeWhole } from '../files.js'
import { DatabaseWriter, parseDatabase, RECORDS, WORKLOADS } from '../schedule-config/database.js'
import { parseRecordLog, type RecordLog } from '../schedule-config/log.js'
import { encodeRecord, type TuningRecord } from '../schedule-config/record.js'
import { META_SCHEDULER } from '../schedule-config/trace-record.js'
import { AppendedFile } from './appended-file.js'
import type { TunerName } from './config.js'

/** Records that grow while a network is tuned, and from which a later run goes on. */
export interface RecordStore {
  /** What was there before. */
  readonly before: RecordLog
  /**
   * Appends records and has the system write them out.
   *
   * @returns Why that failed, once: a full disk must not end the tuning, which then goes on without.
   */
  append(records: readonly TuningRecord[]): Promise<Error | undefined>
  close(): Promise<void>
}

/** A log, a record a line. @throws `ERR_WRITE_FAILED` when it cannot be opened for reading and writing */
export async function openRecordLog(path: string): Promise<RecordStore> {
  const file = await AppendedFile.open(path, (line) => parseRecordLog(line, path).records.length > 0)
  return {
    before: parseRecordLog(file.before, path),
    append: onceFailing((records) => file.append(logLines(records))),
    close: () => file.close(),
  }
}

/** A folder with a file of functions and one of records. @throws `ERR_WRITE_FAILED` when they cannot be opened */
export async function openRecordDatabase(path: string): Promise<RecordStore> {
  await mkdir(path, { recursive: true }).catch(() => {})
  const workloads = await AppendedFile.open(join(path, WORKLOADS), isJson)
  const records = await AppendedFile.open(join(path, RECORDS), isJson)
  const before = parseDatabase(workloads.kept, records.before, path)
  const writer = new DatabaseWriter(before.hashes)
  return {
    before,
    append: onceFailing(async (added) => {
      const lines = databaseLines(added, writer)
      // Whatever a record refers to is there before it.
      await workloads.append(lines.workloads)
      await records.append(lines.records)
    }),
    close: async () => void (await Promise.all([workloads.close(), records.close()])),
  }
}

/** Files that `writeRecords` is going to write with what `tuner` finds; the folder of a database is made. */
export async function recordPlaces(path: string, tuner: TunerName): Promise<string[]> {
  if (tuner !== META_SCHEDULER) return [path]
  await mkdir(path, { recursive: true }).catch(() => {})
  return [join(path, WORKLOADS), join(path, RECORDS)]
}

/** Writes what a tuner found to files of its own: a log, or a folder for MetaSchedule. Each file is written whole or not at all. */
export async function writeRecords(
  path: string,
  records: readonly TuningRecord[],
  tuner: TunerName,
): Promise<void> {
  const text = (lines: readonly string[]) => [Buffer.from(lines.map((line) => `${line}\n`).join(''))]
  if (tuner !== META_SCHEDULER) return writeWhole(path, text(logLines(records)))
  const lines = databaseLines(records, new DatabaseWriter())
  await mkdir(path, { recursive: true })
  await writeWhole(join(path, WORKLOADS), text(lines.workloads))
  await writeWhole(join(path, RECORDS), text(lines.records))
}

function logLines(records: readonly TuningRecord[]): string[] {
  return records.map(encodeRecord).filter((line) => line !== '')
}

function databaseLines(records: readonly TuningRecord[], writer: DatabaseWriter) {
  const lines = records.map((record) => writer.lines(record))
  return {
    workloads: lines.flatMap(({ workload }) => workload ?? []),
    records: lines.flatMap(({ record }) => record ?? []),
  }
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line)
    return true
  } catch {
    return false
  }
}

function onceFailing(
  append: (records: readonly TuningRecord[]) => Promise<void>,
): (records: readonly TuningRecord[]) => Promise<Error | undefined> {
  let failed = false
  return async (records) => {
    if (failed) return undefined
    try {
      await append(records)
      return undefined
    } catch (error) {
      failed = true
      return error as Error
    }
  }
}
