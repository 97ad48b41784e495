import { argsOf } from '../../compile/build-schedule.js'
import { target as makeTarget } from '../../ir/target.js'
import { withFunctionRecords } from '../../meta-schedule/hook.js'
import { describeModule, functionOf, plain, reduces } from '../../meta-schedule/program.js'
import { getGlobalFunc } from '../../runtime/index.js'
import { type ExportedTarget, META_SCHEDULER, targetText } from '../../schedule-config/trace-record.js'
import type { Extracted } from '../autotvm/extract-task.js'
import {
  type FunctionSearch,
  type FunctionTask,
  functionTasks,
  type NetworkRequest,
  prepare,
} from '../function-tasks.js'

export interface TraceTasksRequest extends NetworkRequest {
  /** Cores of the machine that runs the code, which its target must name. */
  readonly cores: number
}

/** A task with what databases hold beside its traces. */
export interface TraceTask extends FunctionTask {
  readonly target: ExportedTarget
  readonly args: unknown
}

const search: FunctionSearch = {
  task: META_SCHEDULER,
  watch: (note, lower) =>
    withFunctionRecords(
      (name, module) => {
        if (!reduces(module)) return null
        const { hash, module: definition } = describeModule(module)
        const flop = getGlobalFunc('tir.analysis.EstimateTIRFlops')(module) as number
        note(name, { key: hash, definition, flop, tensors: argsOf(functionOf(module)) })
        return null
      },
      () => lower({}),
    ),
}

/** Finds the functions of a network that are worth a search: those that sum anything up. */
export async function run({ cores, ...request }: TraceTasksRequest): Promise<Extracted> {
  const given = prepare(request.target)
  const target = given.option('num-cores') ? given : makeTarget(`${given} -num-cores=${cores}`)
  const exported = plain(getGlobalFunc('target.TargetExport')(target)) as ExportedTarget
  const tasks = await functionTasks(request, target, search)
  return {
    target: targetText(exported),
    tasks: tasks.map((task): TraceTask => {
      const args = task.tensors.map(({ shape, dtype }) => ['TENSOR', dtype, shape])
      return { ...task, target: exported, args }
    }),
  }
}
