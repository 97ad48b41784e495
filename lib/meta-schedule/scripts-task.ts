import { target as makeTarget } from '../ir/target.js'
import { openLibrary, type TvmObject } from '../runtime/index.js'
import { readDatabase } from '../schedule-config/database.js'
import type { TuningRecord } from '../schedule-config/record.js'
import { type TracedSchedule, tracedSchedule } from '../schedule-config/trace-record.js'
import { dotProductIntrinsic } from './intrinsics.js'
import { applyTrace, moduleOf, parseModule } from './program.js'

/** A record as a program to read. */
export interface RecordScript {
  /** TVM's hash of the function. */
  readonly hash: string
  readonly target: string
  /** Seconds a call, one a repetition; empty where the trial failed. */
  readonly costs: readonly number[]
  /** The scheduled function in TVMScript; undefined where the record does not apply. */
  readonly script?: string
  /** Why it does not apply. */
  readonly problem?: string
}

export interface RecordScripts {
  readonly scripts: readonly RecordScript[]
  /** Lines that are no records. */
  readonly problems: readonly string[]
}

/** Writes every record of MetaSchedule in a folder as TVMScript. */
export function run({ path }: { readonly path: string }): RecordScripts {
  openLibrary({ kind: 'compiler' })
  const { records, problems } = readDatabase(path)
  const modules = new Map<string, TvmObject>()
  return { scripts: records.map((record) => scriptOf(record, modules)), problems }
}

function scriptOf(record: TuningRecord, modules: Map<string, TvmObject>): RecordScript {
  const hash = record.workload.args[0] as string
  const about = { hash, target: record.target, costs: record.costs }
  try {
    const { module, trace } = tracedSchedule(record) as TracedSchedule
    dotProductIntrinsic(makeTarget(record.target))
    const parsed = modules.get(hash) ?? parseModule({ hash, module })
    modules.set(hash, parsed)
    return { ...about, script: moduleOf(applyTrace(parsed, trace)).toString() }
  } catch (error) {
    return { ...about, problem: (error as Error).message.split('\n')[0] ?? '' }
  }
}
