import type { BuildInput } from '../../measure/trial.js'
import { Engine } from '../../process/engine.js'
import type { PlainConfig } from '../../schedule-config/config-entity.js'
import type { TunerSettings } from '../config.js'
import { openRecordLog, type RecordStore } from '../record-store.js'
import type { SearchTuner } from '../search-tuner.js'
import type { TaskState } from '../task-state.js'
import type { Extracted, ExtractRequest, TuningTask } from './extract-task.js'
import type { SearchRequest } from './search-task.js'

/** Tuning by templates: extraction and search, in an engine process that can be lost without losing anything. */
export class AutotvmTuner implements SearchTuner {
  private engine: Engine | undefined

  constructor(
    private readonly request: ExtractRequest,
    private readonly config: TunerSettings,
    private readonly memoryBytes?: number,
  ) {}

  /** The library's name of the target; known after `extract`. */
  target = ''
  readonly warnings = []

  /** @throws what importing the model throws */
  openRecords(path: string): Promise<RecordStore> {
    return openRecordLog(path)
  }

  async extract(signal?: AbortSignal): Promise<readonly TuningTask[]> {
    const { target, tasks } = (await this.ask('autotvm-tasks', this.request, signal)) as Extracted
    this.target = target
    return tasks
  }

  /** The next configurations of a task; none when the space is exhausted. */
  async propose(
    state: TaskState,
    others: readonly TaskState[],
    count: number,
    signal?: AbortSignal,
  ): Promise<readonly PlainConfig[]> {
    const { mode, seed, transfer } = this.config
    const { workload, defaults } = state.task
    const alike = others.filter(
      (other) => other !== state && other.task.workload.task === workload.task && other.best,
    )
    const request: SearchRequest = {
      target: this.target,
      templates: this.request.templates,
      workload,
      tried: state.tried,
      mode,
      seed: seed * 7919 + state.number,
      count,
      start: defaults.index,
      inNetwork: 'model' in this.request.source,
      transfer: transfer ? alike.map(({ task, tried }) => ({ workload: task.workload, tried })) : [],
    }
    return (await this.ask('autotvm-search', request, signal)) as PlainConfig[]
  }

  input({ workload }: TuningTask, config: PlainConfig): BuildInput {
    return {
      kind: 'autotvm',
      target: this.target,
      candidate: { workload, config },
      templates: this.request.templates,
    }
  }

  private async ask(task: string, request: unknown, signal?: AbortSignal): Promise<unknown> {
    if (!this.engine?.alive) this.engine = new Engine()
    return await this.engine.run(task, request, { signal, memoryBytes: this.memoryBytes })
  }

  dispose(): void {
    this.engine?.kill()
    this.engine = undefined
  }
}
