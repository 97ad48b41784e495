import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { LineProblems } from './line-problems.js'
import type { RecordLog } from './log.js'
import { TrialError, type TuningRecord } from './record.js'
import {
  META_SCHEDULER,
  type TracedSchedule,
  targetText,
  traceConfig,
  tracedSchedule,
} from './trace-record.js'

/** The two files of a folder in which MetaSchedule keeps records (TVM v0.18, src/meta_schedule/database/json_database.cc). */
export const WORKLOADS = 'database_workload.json'
export const RECORDS = 'database_tuning_record.json'

/** What TVM writes as the cost of a failed trial. */
const FAILED_COST = 1e10

export interface Database extends RecordLog {
  /** Hashes of the functions, in the order in which records number them. */
  readonly hashes: readonly string[]
}

export function isDatabase(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

/** Paths of all that the records at `path`, a log or a folder, consist of. */
export function recordFiles(path: string): string[] {
  return isDatabase(path) ? [join(path, WORKLOADS), join(path, RECORDS)] : [path]
}

/** Reads a folder. @throws what reading its files throws */
export function readDatabase(path: string): Database {
  const [workloads, records] = recordFiles(path).map((file) => readFileSync(file, 'utf8')) as [string, string]
  return parseDatabase(workloads, records, path)
}

type Workload = readonly [hash: string, module: string]

/** @param path - For what is told of damaged lines, which are left out. */
export function parseDatabase(workloads: string, records: string, path: string): Database {
  const ofWorkloads = new LineProblems(join(path, WORKLOADS))
  const ofRecords = new LineProblems(join(path, RECORDS))
  const functions = parsedLines(workloads, ofWorkloads, toWorkload)
  const found = parsedLines(records, ofRecords, (line) => toRecord(line, functions))
  return {
    records: found.filter((record) => record !== undefined),
    problems: [...ofWorkloads.all, ...ofRecords.all],
    hashes: functions.map((each) => each?.[0] ?? ''),
  }
}

/** What each line holds; undefined for damaged ones. */
function parsedLines<T>(
  text: string,
  problems: LineProblems,
  parse: (line: unknown) => T,
): (T | undefined)[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  return lines.map((line, i) => {
    try {
      return parse(JSON.parse(line))
    } catch (error) {
      problems.add(i + 1, (error as Error).message)
      return undefined
    }
  })
}

function toWorkload(line: unknown): Workload {
  if (Array.isArray(line) && line.length === 2 && line.every((each) => typeof each === 'string'))
    return line as unknown as Workload
  throw new Error('it is not a hash and a function')
}

function toRecord(line: unknown, functions: readonly (Workload | undefined)[]): TuningRecord {
  if (!Array.isArray(line) || !Array.isArray(line[1]) || line[1].length !== 4)
    throw new Error('it is not a number and a record of four parts')
  const [number, [trace, costs, target, args]] = line as [number, [unknown, unknown, unknown, unknown]]
  const found = functions[number]
  if (!found) throw new Error(`there is no function of number ${number}`)
  if (!Array.isArray(trace) || trace.length !== 2 || !trace.every(Array.isArray))
    throw new Error('its trace is not a list of instructions and one of decisions')
  if (typeof target !== 'object' || target === null || !('kind' in target))
    throw new Error('its target has no kind')
  if (!Array.isArray(costs) || !costs.every(Number.isFinite)) throw new Error('its costs are no numbers')
  const [hash, module] = found
  const schedule = { module, trace, target, args } as unknown as TracedSchedule
  const failed = costs.some((cost) => cost >= FAILED_COST)
  return {
    target: targetText(schedule.target),
    workload: { task: META_SCHEDULER, args: [hash] },
    config: traceConfig(schedule),
    costs: failed ? [] : costs,
    error: failed ? TrialError.UNKNOWN : TrialError.NONE,
    elapsed: 0,
    timestamp: 0,
  }
}

/** Lines that a record adds to the two files of a database; none for the measurement of an untuned function. */
export interface DatabaseLines {
  readonly workload?: string
  readonly record?: string
}

/** Numbers functions as they come. */
export class DatabaseWriter {
  private readonly numbers: Map<string, number>
  private count: number

  /** @param hashes - Of the functions that the database has already. */
  constructor(hashes: readonly string[] = []) {
    this.numbers = new Map(hashes.map((hash, number) => [hash, number]))
    this.count = hashes.length
  }

  lines(record: TuningRecord): DatabaseLines {
    const schedule = tracedSchedule(record)
    if (!schedule) return {}
    const hash = record.workload.args[0] as string
    const { module, trace, target, args } = schedule
    const known = this.numbers.get(hash)
    const number = known ?? this.count++
    this.numbers.set(hash, number)
    const costs = record.error === TrialError.NONE ? record.costs : [FAILED_COST]
    return {
      ...(known === undefined && { workload: JSON.stringify([hash, module]) }),
      record: JSON.stringify([number, [trace, costs, target, args]]),
    }
  }
}
