import { Engine } from '../process/engine.js'
import { allowedCpus } from '../session/cpus.js'
import { type ArtifactSource, load } from '../session/load.js'
import type { RunRequest, TimingOptions } from './run-task.js'
import {
  type BuiltTrial,
  failureOf,
  type LoadedNetworks,
  loadBeside,
  type NetworkOptions,
  type Runner,
  type RunOutcome,
  runErrors,
} from './trial.js'

export interface RunnerOptions extends Partial<TimingOptions> {
  /** Threads of a kernel; default the processors, at most 8. */
  readonly threads?: number
  /** Seconds for one trial; default 10. */
  readonly timeout?: number
  /** Bytes of memory of the process: see `CompileOptions.memoryBytes`. A trial beyond fails. */
  readonly memoryBytes?: number | undefined
}

export const defaultTiming: TimingOptions = Object.freeze({
  number: 4,
  repeat: 3,
  minRepeatMs: 20,
  cooldownMs: 0,
  cacheFlush: false,
})

const MOST_DEFAULT_THREADS = 8

/** Runs kernels one after the other in a process of their own: one that crashes or never ends costs its trial. */
export class LocalRunner implements Runner {
  readonly parallel = 1
  readonly local = true
  readonly exact = false
  private engine: Engine | undefined
  private readonly timing: TimingOptions
  private readonly timeoutMs: number
  private readonly threads: number
  private readonly memoryBytes: number | undefined

  constructor({ threads, timeout = 10, memoryBytes, ...timing }: RunnerOptions = {}) {
    this.timing = { ...defaultTiming, ...timing }
    this.timeoutMs = timeout * 1000
    this.memoryBytes = memoryBytes
    this.threads = threads ?? Math.min(allowedCpus().length, MOST_DEFAULT_THREADS)
  }

  async run(trial: BuiltTrial, signal?: AbortSignal): Promise<RunOutcome> {
    if (!this.engine?.alive) this.engine = new Engine()
    const { timing, threads, timeoutMs, memoryBytes } = this
    const request: RunRequest = { trial, timing, threads }
    const started = performance.now()
    try {
      return (await this.engine.run('run', request, { signal, timeoutMs, memoryBytes })) as RunOutcome
    } catch (error) {
      signal?.throwIfAborted()
      return failureOf(error, started, runErrors)
    }
  }

  /** Each in a process of its own. */
  load(
    artifacts: readonly ArtifactSource[],
    { threads, signal }: NetworkOptions = {},
  ): Promise<LoadedNetworks> {
    const options = { isolation: 'process', signal, ...(threads !== undefined && { threads }) } as const
    return loadBeside(artifacts, (artifact) => load(artifact, options))
  }

  async dispose(): Promise<void> {
    this.engine?.kill()
    this.engine = undefined
  }
}
