import type { TaskState } from './task-state.js'

export interface Budget {
  /** Trials a task. */
  readonly perTask: number
  /** Whether no task gets more than the others. */
  readonly equal: boolean
  readonly earlyStopping?: number | undefined
  /** Trials of a batch. */
  readonly batch: number
}

/** Trials of all tasks. A task cannot have more than there are configurations. */
export function plannedTrials(tasks: readonly TaskState[], { perTask }: Budget): number {
  return tasks.reduce((sum, { task }) => sum + Math.min(perTask, task.size), 0)
}

/** A task's next batch. */
export interface Turn {
  readonly state: TaskState
  readonly count: number
}

/**
 * Who is next: first every task once, then, unless all get the same, the one from which the network's latency may gain most.
 * Ends tasks whose budget or patience is over. Undefined when all is done.
 */
export function nextTurn(tasks: readonly TaskState[], budget: Budget): Turn | undefined {
  const most = budget.equal ? budget.perTask : Number.POSITIVE_INFINITY
  for (const state of tasks) {
    if (state.ended) continue
    if (state.trials >= most) state.ended = 'budget'
    else if (budget.earlyStopping !== undefined && state.stale >= budget.earlyStopping && state.best)
      state.ended = 'early-stopping'
  }
  const spent = tasks.reduce((sum, { trials }) => sum + trials, 0)
  const left = budget.perTask * tasks.length - spent
  const open = tasks.filter(({ ended }) => !ended)
  if (left <= 0) for (const state of open) state.ended = 'budget'
  const first = Math.min(budget.batch, budget.perTask)
  const state =
    open.find(({ trials }) => trials < Math.ceil(first / 2)) ?? least(open, (each) => -rank(each, budget))
  if (!state || left <= 0) return undefined
  const room = Math.min(budget.batch, left, most - state.trials)
  // The first round leaves something for where it pays.
  const count = state.trials === 0 && !budget.equal ? Math.min(room, Math.ceil(first / 2)) : room
  return { state, count: Math.max(1, count) }
}

function rank(state: TaskState, { equal }: Budget): number {
  return equal ? -state.trials : state.promise
}

function least<T>(items: readonly T[], rank: (item: T) => number): T | undefined {
  let found: T | undefined
  for (const item of items) if (found === undefined || rank(item) < rank(found)) found = item
  return found
}
