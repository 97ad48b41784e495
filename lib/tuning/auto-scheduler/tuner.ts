import type { BuildInput } from '../../measure/trial.js'
import { Engine } from '../../process/engine.js'
import type { PlainConfig } from '../../schedule-config/config-entity.js'
import { meanCost } from '../../schedule-config/record.js'
import { type MeasureInput, measureInput, stepsConfig } from '../../schedule-config/search-record.js'
import type { Extracted, TuningTask } from '../autotvm/extract-task.js'
import type { TunerSettings } from '../config.js'
import type { SearchTuner } from '../search-tuner.js'
import type { TaskState } from '../task-state.js'
import type { NetworkRequest, ScheduleTask } from './extract-task.js'
import { hardwareOf } from './hardware.js'
import type { MeasuredSchedule, ScheduleSearchRequest } from './search-task.js'

/** A search without templates, in an engine process that can be lost without losing anything. */
export class AutoSchedulerTuner implements SearchTuner {
  private engine: Engine | undefined
  /** How many of a task's records the engine has heard of. */
  private told = new WeakMap<TaskState, number>()
  private tasks: readonly ScheduleTask[] = []
  target = ''

  constructor(
    private readonly request: NetworkRequest,
    private readonly config: TunerSettings,
  ) {}

  async extract(signal?: AbortSignal): Promise<readonly TuningTask[]> {
    // What is missing is told before anything is done.
    hardwareOf(this.config, this.request.target)
    this.engine = new Engine()
    const { target, tasks } = (await this.engine.run('auto-scheduler-tasks', this.request, {
      signal,
    })) as Extracted
    this.target = target
    this.tasks = tasks as readonly ScheduleTask[]
    return tasks
  }

  async propose(
    state: TaskState,
    others: readonly TaskState[],
    count: number,
    signal?: AbortSignal,
  ): Promise<readonly PlainConfig[]> {
    const engine = await this.searching(signal)
    const measured = others.flatMap((each) => this.news(each))
    const key = state.task.workload.args[0] as string
    const request: ScheduleSearchRequest = { type: 'propose', key, count, measured }
    const inputs = (await engine.run('auto-scheduler-search', request, { signal })) as MeasureInput[]
    return inputs.map(stepsConfig)
  }

  input(task: TuningTask, config: PlainConfig): BuildInput {
    const { definition, untuned } = task as ScheduleTask
    const { target } = this
    const input = measureInput({ target, workload: task.workload, config })
    return input
      ? { kind: 'auto_scheduler', target, candidate: { definition, input } }
      : { kind: 'lowered', target, candidate: { func: untuned } }
  }

  dispose(): void {
    this.engine?.kill()
    this.engine = undefined
  }

  /** An engine that knows the tasks; a new one has heard of no trials. */
  private async searching(signal?: AbortSignal): Promise<Engine> {
    if (this.opened && this.engine?.alive) return this.engine
    if (!this.engine?.alive) this.engine = new Engine()
    this.told = new WeakMap()
    const { mode, seed } = this.config
    const request: ScheduleSearchRequest = {
      type: 'open',
      target: this.target,
      hardware: hardwareOf(this.config, this.target),
      tasks: this.tasks.map(({ workload, definition }) => ({ key: workload.args[0] as string, definition })),
      mode: mode === 'random' ? 'random' : 'xgb',
      seed,
    }
    await this.engine.run('auto-scheduler-search', request, { signal })
    this.opened = true
    return this.engine
  }
  private opened = false

  private news(state: TaskState): MeasuredSchedule[] {
    const known = this.told.get(state) ?? 0
    this.told.set(state, state.records.length)
    return state.records.slice(known).flatMap((record) => {
      const input = measureInput(record)
      return input ? [{ key: record.workload.args[0] as string, input, cost: meanCost(record) }] : []
    })
  }
}
