import { isTvmNodeError } from '../errors.js'
import type { Address } from '../rpc/address.js'
import type { RemoteSession } from '../rpc/remote-session.js'
import { requestSession } from '../rpc/request-session.js'
import { TrialError } from '../schedule-config/record.js'
import { defaultTiming } from './local-runner.js'
import type { TimingOptions } from './run-task.js'
import { type BuiltTrial, type Runner, type RunOutcome, withoutExtremes } from './trial.js'

export interface RpcRunnerOptions extends Partial<TimingOptions> {
  readonly tracker: Address
  /** What the tracker calls the boards, which are equal ones. */
  readonly key: string
  /** Boards that work at once; default 1. */
  readonly parallel?: number
  /** Seconds for one trial, from upload to result; default 10. */
  readonly timeout?: number
  /** Seconds to wait for a free board; default 60. */
  readonly wait?: number
}

/** Trials that end with their board lost before the trial is what is at fault. */
const MOST_TRIES = 2

/**
 * Runs kernels on the boards of a tracker. A session serves one trial after the other; one that is lost, since the kernel crashed or
 * the board restarted, is replaced, and the trial repeated once.
 */
export class RpcRunner implements Runner {
  readonly local = false
  readonly parallel: number
  private readonly timing: TimingOptions
  private readonly idle: RemoteSession[] = []
  private readonly sessions = new Set<RemoteSession>()

  constructor(private readonly options: RpcRunnerOptions) {
    const { number, repeat, minRepeatMs, cooldownMs, cacheFlush } = { ...defaultTiming, ...options }
    this.timing = { number, repeat, minRepeatMs, cooldownMs, cacheFlush }
    this.parallel = options.parallel ?? 1
  }

  /** @throws `ERR_TIMEOUT` when there is no free board, `ERR_CONNECTION` when the tracker cannot be reached */
  async run(trial: BuiltTrial, signal?: AbortSignal): Promise<RunOutcome> {
    const started = performance.now()
    for (let attempt = 1; ; attempt++) {
      const session = await this.take(signal)
      try {
        return {
          costs: withoutExtremes(await this.time(session, trial, signal)),
          elapsed: (performance.now() - started) / 1000,
        }
      } catch (error) {
        signal?.throwIfAborted()
        if (attempt < MOST_TRIES && isTvmNodeError(error, 'ERR_CONNECTION')) continue
        return {
          error: isTvmNodeError(error, 'ERR_TIMEOUT') ? TrialError.RUN_TIMEOUT : TrialError.RUNTIME_DEVICE,
          message: (error as Error).message,
          elapsed: (performance.now() - started) / 1000,
        }
      }
    }
  }

  private async time(
    session: RemoteSession,
    { path, args }: BuiltTrial,
    signal: AbortSignal | undefined,
  ): Promise<number[]> {
    try {
      const limits = { signal, timeoutMs: (this.options.timeout ?? 10) * 1000 }
      return await session.timeKernel(path, args, this.timing, limits)
    } finally {
      if (session.alive) this.idle.push(session)
      else this.sessions.delete(session)
    }
  }

  private async take(signal?: AbortSignal): Promise<RemoteSession> {
    const known = this.idle.pop()
    if (known?.alive) return known
    const { tracker, key, wait = 60 } = this.options
    const session = await requestSession({ tracker, key, signal, timeoutMs: wait * 1000 })
    this.sessions.add(session)
    return session
  }

  /** Gives the boards back. */
  async dispose(): Promise<void> {
    await Promise.all([...this.sessions].map((session) => session.dispose()))
    this.sessions.clear()
    this.idle.length = 0
  }
}
