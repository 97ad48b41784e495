import { ComputeDag, hasReduction, ioTensors } from '../../auto-scheduler/dag.js'
import { asking, withFunctionScheduler } from '../../auto-scheduler/hook.js'
import type { Tensor } from '../../ir/te.js'
import { AUTO_SCHEDULER } from '../../schedule-config/search-record.js'
import type { Extracted } from '../autotvm/extract-task.js'
import { type FunctionSearch, functionTasks, type NetworkRequest, prepare } from '../function-tasks.js'

const search: FunctionSearch = {
  task: AUTO_SCHEDULER,
  watch: (note, lower) =>
    withFunctionScheduler(
      (name, outputs) => {
        const dag = hasReduction(outputs) ? tryDag(ioTensors(outputs)) : undefined
        if (dag) note(name, { key: dag.key, definition: dag.save(), flop: dag.flop, tensors: dag.tensors })
        return null
      },
      () => lower(asking),
    ),
}

/** Finds the computations of a network that are worth a search: its fused functions that sum anything up. */
export async function run(request: NetworkRequest): Promise<Extracted> {
  const target = prepare(request.target)
  return { target: String(target), tasks: await functionTasks(request, target, search) }
}

/** Undefined for shapes that are not known. */
function tryDag(tensors: readonly Tensor[]): ComputeDag | undefined {
  try {
    return ComputeDag.of(tensors)
  } catch {
    return undefined
  }
}
