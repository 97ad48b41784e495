import { getGlobalFunc, type TvmObject } from '../runtime/index.js'
import type { TuningRecord } from '../schedule-config/record.js'
import { type MeasureInput, measureInput } from '../schedule-config/search-record.js'

/** The state of a record: what is done to a computation, without the computation. @throws `ERR_TVM`, Error */
export function stateOf(record: Pick<TuningRecord, 'target' | 'workload' | 'config'>): TvmObject {
  const input = measureInput(record)
  if (!input) throw new Error('it has no steps')
  return parseState(input)
}

export function parseState(input: MeasureInput): TvmObject {
  const parsed = getGlobalFunc('auto_scheduler.DeserializeMeasureInput')(JSON.stringify(input)) as TvmObject
  return parsed.get('state') as TvmObject
}
