import { type TrialError, TrialError as TrialErrors } from '../schedule-config/record.js'
import type { TaskInfo, TuneEvent } from '../tuning/events.js'
import type { Progress } from './progress.js'

/** What trials fail with, in words. */
const errorNames: Readonly<Record<TrialError, string>> = {
  [TrialErrors.NONE]: 'none',
  [TrialErrors.INSTANTIATION]: 'the configuration does not fit',
  [TrialErrors.COMPILE_HOST]: 'the build failed',
  [TrialErrors.COMPILE_DEVICE]: 'the build for the device failed',
  [TrialErrors.RUNTIME_DEVICE]: 'the kernel failed',
  [TrialErrors.WRONG_ANSWER]: 'the result is wrong',
  [TrialErrors.BUILD_TIMEOUT]: 'the build took too long',
  [TrialErrors.RUN_TIMEOUT]: 'the kernel took too long',
  [TrialErrors.UNKNOWN]: 'an unknown error',
}

const phases = {
  extract: 'finding tasks',
  baseline: 'measuring the untuned network',
  defaults: 'measuring default configurations',
  search: 'searching',
  contest: 'measuring the best ones against each other',
  network: 'measuring the whole network',
} as const

/** Shows events to a person: a bar that follows every trial on a terminal, a line a batch elsewhere. */
export class TuneDisplay {
  private tasks: readonly TaskInfo[] = []
  private fraction = 0
  private latency = ''
  private left = ''

  constructor(private readonly progress: Progress) {}

  show(event: TuneEvent): void {
    const { progress } = this
    switch (event.type) {
      case 'phase':
        progress.update(phases[event.phase], event.phase === 'contest' ? 1 : this.fraction)
        break
      case 'tasks': {
        this.tasks = event.tasks
        const resumed = event.tasks.reduce((sum, task) => sum + task.resumed, 0)
        const known = resumed > 0 ? `, ${resumed} of them in the records already` : ''
        progress.update(`${event.tasks.length} tasks, ${event.trials} trials${known}`)
        break
      }
      case 'trial': {
        if (!progress.interactive) break
        const current = event.error === TrialErrors.NONE ? gflops(event.gflops) : errorNames[event.error]
        progress.update(
          `${this.title(event.task)}: best ${gflops(event.bestGflops)}, last ${current}${this.latency}${this.left}`,
          this.fraction,
        )
        break
      }
      case 'progress': {
        this.fraction = Math.min(1, event.done / Math.max(1, event.planned))
        this.latency = event.latencyMs === undefined ? '' : `, network about ${milliseconds(event.latencyMs)}`
        this.left = event.secondsLeft === undefined ? '' : `, ${duration(event.secondsLeft)} left`
        progress.update(
          `${event.done} of ${event.planned} trials, ${this.title(event.task)}${this.latency}${this.left}`,
          this.fraction,
        )
        break
      }
      case 'task-end':
        if (event.failure) progress.warn(this.describeFailure(event.task, event.failure))
        break
      case 'network':
        if (event.when !== 'candidate')
          progress.update(`${event.when} tuning: ${milliseconds(event.latencyMs)}`)
        break
      case 'warning':
        progress.warn(event.message)
    }
  }

  private title(task: number): string {
    return `task ${task + 1}/${this.tasks.length} ${this.tasks[task]?.name ?? ''}`
  }

  private describeFailure(
    task: number,
    { error, count, message }: { error: TrialError; count: number; message: string },
  ): string {
    const what = this.tasks[task]?.description ?? this.title(task)
    return `no trial of ${what} was valid; ${count} times ${errorNames[error]} (error ${error}): ${message}`
  }
}

function gflops(value: number): string {
  return `${value.toPrecision(3)} GFLOPS`
}

export function milliseconds(value: number): string {
  return `${value.toPrecision(4)} ms`
}

export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`
}
