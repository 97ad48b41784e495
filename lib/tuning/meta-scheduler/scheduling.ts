import { type Trace, traceConfig, tracedSchedule } from '../../schedule-config/trace-record.js'
import type { FunctionScheduling } from '../function-tuner.js'
import { openRecordDatabase } from '../record-store.js'
import type { TraceTask } from './extract-task.js'

/** Programs of TensorIR, sampled and mutated as traces (Shao et al., Tensor program optimization with probabilistic programs, 2022). */
export const metaScheduling: FunctionScheduling<Trace, TraceTask> = {
  engine: { extract: 'meta-scheduler-tasks', search: 'meta-scheduler-search' },
  build: 'meta_scheduler',
  extractRequest: (request, { num_cores }) => ({ ...request, cores: num_cores }),
  openRecords: openRecordDatabase,
  toConfig: (trace, { definition, target, args }) => traceConfig({ module: definition, trace, target, args }),
  fromRecord: (record) => tracedSchedule(record)?.trace,
  buildable: (trace, { workload, definition }) => ({
    definition: { hash: workload.args[0], module: definition },
    trace,
  }),
}
