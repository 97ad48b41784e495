import type { BuildInput } from '../measure/trial.js'
import { Engine } from '../process/engine.js'
import type { PlainConfig } from '../schedule-config/config-entity.js'
import { meanCost, type TuningRecord } from '../schedule-config/record.js'
import type { Extracted, TuningTask } from './autotvm/extract-task.js'
import type { HardwareSettings, TunerSettings } from './config.js'
import type { FunctionTask, NetworkRequest } from './function-tasks.js'
import type { MeasuredProgram } from './guided-search.js'
import { hardwareOf } from './hardware.js'
import type { RecordStore } from './record-store.js'
import type { SearchTuner } from './search-tuner.js'
import type { TaskState } from './task-state.js'

/** What schedules are searched for. */
export interface SearchedFunction {
  readonly key: string
  readonly definition: string
}

/** What the engine's side of a search is asked. */
export type FunctionSearchRequest<Candidate> =
  | {
      readonly type: 'open'
      readonly target: string
      readonly hardware: Required<HardwareSettings>
      readonly functions: readonly SearchedFunction[]
      readonly mode: 'xgb' | 'random'
      readonly seed: number
    }
  | {
      readonly type: 'propose'
      readonly key: string
      readonly count: number
      /** Measured since the last request, of any task. */
      readonly measured: readonly MeasuredProgram<Candidate>[]
    }

/** One way of scheduling fused functions without templates. */
export interface FunctionScheduling<Candidate, Task extends FunctionTask = FunctionTask> {
  /** Tasks of an engine: one that finds functions, one that proposes schedules. */
  readonly engine: { readonly extract: string; readonly search: string }
  /** Kind of a builder's input, see `BuildInput`. */
  readonly build: string
  extractRequest(request: NetworkRequest, hardware: Required<HardwareSettings>): NetworkRequest
  openRecords(path: string): Promise<RecordStore>
  toConfig(candidate: Candidate, task: Task): PlainConfig
  /** Undefined for the schedule that a function has untuned. */
  fromRecord(record: Pick<TuningRecord, 'target' | 'workload' | 'config'>): Candidate | undefined
  /** What a builder takes. */
  buildable(candidate: Candidate, task: Task): unknown
}

/** A search without templates, in an engine process that can be lost without losing anything. */
export class FunctionTuner<Candidate, Task extends FunctionTask = FunctionTask> implements SearchTuner {
  private engine: Engine | undefined
  private opened = false
  /** How many of a task's records the engine has heard of. */
  private told = new WeakMap<TaskState, number>()
  private tasks: readonly Task[] = []
  target = ''
  warnings: readonly string[] = []

  constructor(
    private readonly scheduling: FunctionScheduling<Candidate, Task>,
    private readonly request: NetworkRequest,
    private readonly config: TunerSettings,
    private readonly memoryBytes?: number,
  ) {}

  openRecords(path: string): Promise<RecordStore> {
    return this.scheduling.openRecords(path)
  }

  async extract(signal?: AbortSignal): Promise<readonly TuningTask[]> {
    const { engine, extractRequest } = this.scheduling
    const request = extractRequest(this.request, hardwareOf(this.config, this.request.target))
    this.engine = new Engine()
    const { memoryBytes } = this
    const extracted = (await this.engine.run(engine.extract, request, { signal, memoryBytes })) as Extracted
    const { target, tasks, warnings = [] } = extracted
    this.target = target
    this.warnings = warnings
    this.tasks = tasks as readonly Task[]
    return tasks
  }

  async propose(
    state: TaskState,
    all: readonly TaskState[],
    count: number,
    signal?: AbortSignal,
  ): Promise<readonly PlainConfig[]> {
    const engine = await this.searching(signal)
    const measured = all.flatMap((each) => this.news(each))
    const key = state.task.workload.args[0] as string
    const candidates = await this.ask(engine, { type: 'propose', key, count, measured }, signal)
    return candidates.map((candidate) => this.scheduling.toConfig(candidate, state.task as Task))
  }

  input(task: TuningTask, config: PlainConfig): BuildInput {
    const { target, scheduling } = this
    const candidate = scheduling.fromRecord({ target, workload: task.workload, config })
    return candidate === undefined
      ? { kind: 'lowered', target, candidate: { func: (task as Task).untuned } }
      : { kind: scheduling.build, target, candidate: scheduling.buildable(candidate, task as Task) }
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
    await this.ask(
      this.engine,
      {
        type: 'open',
        target: this.target,
        hardware: hardwareOf(this.config, this.target),
        functions: this.tasks.map(({ workload, definition }) => ({
          key: workload.args[0] as string,
          definition,
        })),
        mode: mode === 'random' ? 'random' : 'xgb',
        seed,
      },
      signal,
    )
    this.opened = true
    return this.engine
  }

  private async ask(
    engine: Engine,
    request: FunctionSearchRequest<Candidate>,
    signal: AbortSignal | undefined,
  ): Promise<Candidate[]> {
    return (await engine.run(this.scheduling.engine.search, request, {
      signal,
      memoryBytes: this.memoryBytes,
    })) as Candidate[]
  }

  private news(state: TaskState): MeasuredProgram<Candidate>[] {
    const known = this.told.get(state) ?? 0
    this.told.set(state, state.records.length)
    return state.records.slice(known).flatMap((record) => {
      const candidate = this.scheduling.fromRecord(record)
      if (candidate === undefined) return []
      return [{ key: record.workload.args[0] as string, candidate, cost: meanCost(record) }]
    })
  }
}
