import { type BuilderOptions, LocalBuilder } from '../measure/local-builder.js'
import { LocalRunner } from '../measure/local-runner.js'
import { measureBatch } from '../measure/measure.js'
import { MicroRunner } from '../measure/micro-runner.js'
import { RpcRunner } from '../measure/rpc-runner.js'
import type { Builder, Runner } from '../measure/trial.js'
import type { MicroBoard } from '../micro/micro-board.js'
import { parseAddress, TRACKER_PORT } from '../rpc/address.js'
import type { PlainConfig } from '../schedule-config/config-entity.js'
import { meanCost, type TuningRecord } from '../schedule-config/record.js'
import { workloadKey } from '../schedule-config/workload.js'
import type { TunerSettings } from './config.js'
import { contest } from './contest.js'
import type { TuneEvent } from './events.js'
import type { RecordStore } from './record-store.js'
import type { SearchTuner } from './search-tuner.js'
import { type Budget, nextTurn } from './task-scheduler.js'
import { type TaskState, toRecord } from './task-state.js'

export interface SessionOptions {
  readonly tuner: SearchTuner
  readonly config: TunerSettings
  readonly tasks: readonly TaskState[]
  readonly records: RecordStore | undefined
  readonly builder: Builder
  readonly runner: Runner
  readonly signal: AbortSignal | undefined
  readonly emit: (event: TuneEvent) => void
}

/** How many of a task's best configurations are measured against the default one in the end. */
const FINALISTS = 3

/** Measures configurations of the tasks of one network until the budget is spent. */
export class TuningSession {
  private readonly started = performance.now()
  private readonly budget: Budget
  /** Seconds of a run that no task accounts for. */
  private rest: number | undefined

  constructor(private readonly options: SessionOptions) {
    const { config } = options
    this.budget = {
      perTask: config.task_budget,
      equal: config.equal_task_budget,
      earlyStopping: config.early_stopping,
      batch: config.batch,
    }
  }

  /** Takes over what a log holds of these tasks. Returns how many records belong to other targets. */
  resume(records: readonly TuningRecord[]): number {
    const { tasks, tuner } = this.options
    const byKey = new Map(tasks.map((state) => [workloadKey(state.task.workload), state]))
    let foreign = 0
    for (const record of records) {
      const state = byKey.get(workloadKey(record.workload))
      if (!state) continue
      if (record.target !== tuner.target) foreign++
      else if (record.config.index < state.task.size) state.add(record)
    }
    return foreign
  }

  /** Measures the default configuration of each task that has none yet. */
  async measureDefaults(): Promise<void> {
    const missing = this.options.tasks.filter(({ defaultCost }) => defaultCost === undefined)
    await this.measure(missing.map((state) => ({ state, config: state.task.defaults })))
  }

  /** @param latency - Seconds of a run of the whole network with default configurations. */
  accountFor(latency: number): void {
    this.rest = Math.max(0, latency - this.sumOver((state) => state.defaultCost ?? 0))
  }

  /** Searches until the budget is spent, every task has ended or the time is over. */
  async search(): Promise<void> {
    const { tuner, tasks, signal, config } = this.options
    for (;;) {
      signal?.throwIfAborted()
      if (config.time_budget !== undefined && this.seconds > config.time_budget) break
      const turn = nextTurn(tasks, this.budget)
      this.announceEnds()
      if (!turn) break
      const { state, count } = turn
      const configs = await tuner.propose(state, tasks, count, signal)
      const before = state.bestCost
      await this.measure(configs.map((each) => ({ state, config: each })))
      state.endBatch(before)
      if (configs.length < count) state.ended ??= 'exhausted'
      // Nothing of a first batch worked: more of the same would not either.
      if (!state.best && state.trials >= Math.min(count, state.task.size)) state.ended = 'failed'
      this.announceProgress(state)
    }
    this.announceEnds()
  }

  /**
   * Measures each task's best configurations and its default one in turns.
   *
   * @returns For each task the best that is faster than the default; none where there is none, unless a slower record of another
   * task that serves the same calls would be taken.
   */
  async decide(
    filter: (state: TaskState, record: TuningRecord) => boolean,
  ): Promise<Map<TaskState, TuningRecord>> {
    const { tuner, tasks, builder, runner, signal } = this.options
    const winners = new Map<TaskState, TuningRecord>()
    for (const state of tasks) {
      const finalists = state.ranked((record) => filter(state, record)).slice(0, FINALISTS)
      if (finalists.length === 0) continue
      const configs = [state.task.defaults, ...finalists.map(({ config }) => config)]
      const inputs = configs.map((config) => tuner.input(state.task, config))
      const [standard, ...costs] = await contest(inputs, { builder, runner, signal })
      const best = Math.min(...costs)
      const winner = finalists[costs.indexOf(best)]
      if (winner && best < (standard as number)) winners.set(state, { ...winner, costs: [best] })
    }
    this.keepDefaults(winners)
    return winners
  }

  /** A record of one task displaces what another one that serves the same calls does without: unless that has one too. */
  private keepDefaults(winners: Map<TaskState, TuningRecord>): void {
    for (const state of this.options.tasks) {
      const { task, records, defaultCost } = state
      const displaced = [...winners].some(
        ([rival, winner]) =>
          (winner.costs[0] ?? 0) > (defaultCost ?? Number.POSITIVE_INFINITY) &&
          rival.task.calls.some((call) => task.calls.includes(call)),
      )
      const record = records.find(({ config, costs }) => costs.length > 0 && state.isDefault(config))
      if (displaced && record && !winners.has(state)) winners.set(state, record)
    }
  }

  private get seconds(): number {
    return (performance.now() - this.started) / 1000
  }

  private async measure(trials: readonly { state: TaskState; config: PlainConfig }[]): Promise<void> {
    const { tuner, builder, runner, records, signal, emit } = this.options
    const inputs = trials.map(({ state, config }) => tuner.input(state.task, config))
    const done: TuningRecord[] = []
    try {
      await measureBatch(inputs, {
        builder,
        runner,
        signal,
        onResult: (result, i) => {
          const { state, config } = trials[i] as (typeof trials)[number]
          const record = toRecord(tuner.target, state, config, result)
          state.add(record, result.message)
          done.push(record)
          const gflops = (cost: number) => (Number.isFinite(cost) ? state.task.flop / cost / 1e9 : 0)
          emit({
            type: 'trial',
            task: state.number,
            error: result.error,
            message: result.message,
            gflops: gflops(meanCost(record)),
            bestGflops: gflops(state.bestCost),
            isDefault: state.isDefault(config),
          })
        },
      })
    } finally {
      const failure = await records?.append(done)
      if (failure) {
        emit({
          type: 'warning',
          message: `the records cannot be written, tuning goes on without: ${failure.message}`,
        })
      }
    }
  }

  private readonly announced = new Set<TaskState>()

  private announceEnds(): void {
    for (const state of this.options.tasks) {
      if (!state.ended || this.announced.has(state)) continue
      this.announced.add(state)
      const { failure } = state
      const reason = failure ? 'failed' : state.ended
      this.options.emit({ type: 'task-end', task: state.number, reason, ...(failure ? { failure } : {}) })
    }
  }

  private announceProgress(state: TaskState): void {
    const { tasks, config } = this.options
    const done = tasks.reduce((sum, { trials }) => sum + trials, 0)
    const planned = config.task_budget * tasks.length
    const perTrial = this.seconds / Math.max(1, done)
    const left = Math.min(
      perTrial * Math.max(0, planned - done),
      (config.time_budget ?? Number.POSITIVE_INFINITY) - this.seconds,
    )
    this.options.emit({
      type: 'progress',
      task: state.number,
      done,
      planned,
      ...(this.rest === undefined
        ? {}
        : { latencyMs: 1000 * (this.rest + this.sumOver(({ bestCost }) => bestCost)) }),
      secondsLeft: Math.max(0, left),
    })
  }

  /** Seconds of all calls, each by the fastest of the tasks that may serve it. */
  private sumOver(cost: (state: TaskState) => number): number {
    const fastest = new Map<number, number>()
    for (const state of this.options.tasks) {
      const seconds = cost(state)
      for (const call of state.task.calls)
        fastest.set(call, Math.min(seconds, fastest.get(call) ?? Number.POSITIVE_INFINITY))
    }
    return [...fastest.values()].filter(Number.isFinite).reduce((sum, seconds) => sum + seconds, 0)
  }
}

/** Builder and runner as a configuration wants them, or for a board without an operating system. @throws `ERR_INVALID_ARGUMENT` for a tracker that is no address */
export function measuringFor(
  { builder, runner = {}, timeout }: TunerSettings,
  target: string,
  limits: Pick<BuilderOptions, 'config' | 'memoryBytes'> = {},
  board?: MicroBoard,
): {
  builder: Builder
  runner: Runner
} {
  const given = <T>(name: string, value: T | undefined) => (value === undefined ? {} : { [name]: value })
  const timing = {
    timeout,
    ...given('timeout', runner.timeout),
    ...given('number', runner.number),
    ...given('repeat', runner.repeat),
    ...given('minRepeatMs', runner.min_repeat_ms),
    ...given('cooldownMs', runner.cooldown_ms),
    ...given('cacheFlush', runner.cache_flush),
  }
  const { tracker, key, parallel, wait, threads } = runner
  const makeRunner = () => {
    if (board) return new MicroRunner({ ...timing, board, ...given('parallel', parallel) })
    if (tracker === undefined || key === undefined)
      return new LocalRunner({ ...timing, ...given('threads', threads), memoryBytes: limits.memoryBytes })
    return new RpcRunner({
      ...timing,
      tracker: parseAddress(tracker, TRACKER_PORT),
      key,
      target,
      ...given('parallel', parallel),
      ...given('wait', wait),
    })
  }
  return {
    builder: new LocalBuilder({
      timeout,
      ...limits,
      ...given('platform', board?.platform),
      ...given('parallel', builder?.parallel),
      ...given('timeout', builder?.timeout),
    }),
    runner: makeRunner(),
  }
}
