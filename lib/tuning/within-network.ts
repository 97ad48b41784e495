import type { TuningRecord } from '../schedule-config/record.js'
import { workloadKey } from '../schedule-config/workload.js'
import { type Candidate, measureWorkloads, type NetworkOptions } from './network.js'
import type { TaskState } from './task-state.js'

/** How many records of each task are measured within the network. */
export const RANKS = 6

/**
 * Measures records within the network: built with the best records of all tasks, with the second best ones and so on, it tells of
 * each task which is fastest there. Trials by themselves do not: they find their operands in the caches.
 *
 * @param ranked - Of each task some records, the most promising first; none of them may need layouts that others do not have.
 * @param build - Builds the network with records.
 * @returns The records that are faster than what `untuned` has; undefined where the board does not tell operators apart.
 */
export async function chooseWithinNetwork(
  ranked: ReadonlyMap<TaskState, readonly TuningRecord[]>,
  untuned: Candidate,
  build: (label: string, records: readonly TuningRecord[]) => Promise<Candidate>,
  options: NetworkOptions,
): Promise<TuningRecord[] | undefined> {
  const candidates: Candidate[] = []
  try {
    for (let rank = 0; rank < RANKS; rank++) {
      const records = [...ranked.values()].flatMap((each) => each[rank] ?? [])
      if (records.length > 0) candidates.push(await build(`number ${rank + 1} of each task`, records))
    }
    const [standard, ...times] = await measureWorkloads([untuned, ...candidates], options)
    if (!standard || standard.size === 0) return undefined
    return alternatives([...ranked.keys()]).flatMap((tasks) => {
      const choices = times.map((measured, i) => ({
        seconds: total(tasks, measured),
        records: tasks.flatMap((task) => served(task, measured, candidates[i] as Candidate)),
      }))
      const best = choices.reduce((a, b) => (b.seconds < a.seconds ? b : a), {
        seconds: total(tasks, standard),
        records: [],
      })
      return best.records
    })
  } finally {
    await Promise.all(candidates.map(({ artifact }) => artifact.dispose()))
  }
}

/** Seconds of a run in which any of the tasks is computed; infinite where none was found. */
function total(tasks: readonly TaskState[], measured: ReadonlyMap<string, number>): number {
  const times = tasks.flatMap(({ task }) => measured.get(workloadKey(task.workload)) ?? [])
  return times.length > 0 ? times.reduce((sum, time) => sum + time, 0) : Number.POSITIVE_INFINITY
}

/** The record by which a task was computed, with what a call took. */
function served(
  { task, weight }: TaskState,
  measured: ReadonlyMap<string, number>,
  { records }: Candidate,
): TuningRecord[] {
  const key = workloadKey(task.workload)
  const seconds = measured.get(key)
  const record = records.find(({ workload }) => workloadKey(workload) === key)
  return record && seconds !== undefined ? [{ ...record, costs: [seconds / weight] }] : []
}

/** Tasks of which one or the other serves the same calls, together. */
function alternatives(tasks: readonly TaskState[]): TaskState[][] {
  const groups: { calls: Set<number>; tasks: TaskState[] }[] = []
  for (const state of tasks) {
    const { calls } = state.task
    const joined = groups.filter((group) => calls.some((call) => group.calls.has(call)))
    const merged = {
      calls: new Set([...calls, ...joined.flatMap((group) => [...group.calls])]),
      tasks: [...joined.flatMap((group) => group.tasks), state],
    }
    for (const group of joined) groups.splice(groups.indexOf(group), 1)
    groups.push(merged)
  }
  return groups.map((group) => group.tasks)
}
