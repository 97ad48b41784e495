import { ComputeDag, hasReduction, ioTensors } from '../../auto-scheduler/dag.js'
import { asking, withFunctionScheduler } from '../../auto-scheduler/hook.js'
import type { Tensor } from '../../ir/te.js'
import { DOT } from '../../ops/cpu/dot-product.js'
import { AUTO_SCHEDULER } from '../../schedule-config/search-record.js'
import type { Extracted } from '../autotvm/extract-task.js'
import {
  type FunctionSearch,
  type FunctionTask,
  functionTasks,
  type NetworkRequest,
  prepare,
} from '../function-tasks.js'

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
  const tasks = await functionTasks(request, target, search)
  return { target: String(target), tasks, warnings: target.dotProductData ? adviceOn(tasks) : [] }
}

/** Bytes are multiplied four at a time by an instruction that sketches do not know. */
function adviceOn(tasks: readonly FunctionTask[]): string[] {
  const ofBytes = tasks.filter(({ tensors }) =>
    tensors.some(({ shape, dtype }) => dtype === 'int8' && shape.length > 2 && shape.at(-1) === DOT),
  )
  if (ofBytes.length === 0) return []
  const names = ofBytes.map(({ title }) => title?.split(' ')[0]).join(', ')
  return [
    `this target has an instruction for products of bytes, which auto_scheduler does not use: autotvm or meta_scheduler may find faster code for ${names}`,
  ]
}

/** Undefined for shapes that are not known. */
function tryDag(tensors: readonly Tensor[]): ComputeDag | undefined {
  try {
    return ComputeDag.of(tensors)
  } catch {
    return undefined
  }
}
