import { type MeasureInput, measureInput, stepsConfig } from '../../schedule-config/search-record.js'
import type { FunctionScheduling } from '../function-tuner.js'
import { openRecordLog } from '../record-store.js'

/** Sketches of schedules in the language of tensor expressions (Zheng et al., Ansor, OSDI 2020). */
export const autoScheduling: FunctionScheduling<MeasureInput> = {
  engine: { extract: 'auto-scheduler-tasks', search: 'auto-scheduler-search' },
  build: 'auto_scheduler',
  extractRequest: (request) => request,
  openRecords: openRecordLog,
  toConfig: stepsConfig,
  fromRecord: measureInput,
  buildable: (input, { definition }) => ({ definition, input }),
}
