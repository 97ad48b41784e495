import type { TaskInfo, TuneEvent } from './events.js'

/** Speed of a task's trials in the order in which they were measured; 0 where one failed. */
export interface TaskHistory {
  readonly info: TaskInfo
  readonly gflops: number[]
  defaultGflops: number
  bestGflops: number
}

/** Collects from events what is worth seeing afterwards. */
export class TuneHistory {
  tasks: TaskHistory[] = []
  /** Latencies of the whole network in milliseconds. */
  readonly network: { when: 'before' | 'candidate' | 'after'; label: string; latencyMs: number }[] = []

  add(event: TuneEvent): void {
    if (event.type === 'tasks')
      this.tasks = event.tasks.map((info) => ({ info, gflops: [], defaultGflops: 0, bestGflops: 0 }))
    else if (event.type === 'network') this.network.push(event)
    else if (event.type === 'trial') {
      const task = this.tasks[event.task]
      if (!task) return
      task.bestGflops = Math.max(task.bestGflops, event.bestGflops)
      if (event.isDefault) task.defaultGflops = event.gflops
      task.gflops.push(event.gflops)
    }
  }
}
