import type { BuildInput } from '../measure/trial.js'
import type { PlainConfig } from '../schedule-config/config-entity.js'
import type { TuningTask } from './autotvm/extract-task.js'
import type { RecordStore } from './record-store.js'
import type { TaskState } from './task-state.js'

/** What a session asks of a way to search: tasks, and what to try next. It may be lost and begun again at any time. */
export interface SearchTuner {
  /** The library's name of the target; known after `extract`. */
  readonly target: string
  /** For people: what this way of tuning is not good at; known after `extract`. */
  readonly warnings: readonly string[]
  /** Opens the records that people name, or begins them. @throws `ERR_WRITE_FAILED` when that cannot be done */
  openRecords(path: string): Promise<RecordStore>
  /** @throws what importing the model throws */
  extract(signal?: AbortSignal): Promise<readonly TuningTask[]>
  /** The next configurations of a task; none when there are no more. `all` are the tasks of the network, this one among them. */
  propose(
    state: TaskState,
    all: readonly TaskState[],
    count: number,
    signal?: AbortSignal,
  ): Promise<readonly PlainConfig[]>
  /** How a configuration is built. */
  input(task: TuningTask, config: PlainConfig): BuildInput
  dispose(): void
}
