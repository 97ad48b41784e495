import { codeNeeds } from '../compile/code-needs.js'
import { isTvmNodeError } from '../errors.js'
import type { Address } from '../rpc/address.js'
import { isReachable } from '../rpc/reachable.js'
import type { RemoteSession } from '../rpc/remote-session.js'
import type { CodeNeeds } from '../session/artifact.js'
import type { ArtifactSource } from '../session/load.js'
import { BoardPool } from './board-pool.js'
import { defaultTiming } from './local-runner.js'
import type { TimingOptions } from './run-task.js'
import {
  type BuiltTrial,
  failureOf,
  type LoadedNetworks,
  loadBeside,
  type NetworkOptions,
  type Runner,
  type RunOutcome,
  runErrors,
  withoutExtremes,
} from './trial.js'

export interface RpcRunnerOptions extends Partial<TimingOptions> {
  readonly tracker: Address
  /** What the tracker calls the boards, which are equal ones. */
  readonly key: string
  /** What trials and networks are compiled for, in TVM's notation. */
  readonly target: string
  /** Boards that work at once; default 1. */
  readonly parallel?: number
  /** Seconds for one trial, from upload to result; default 10. */
  readonly timeout?: number
  /** Seconds to wait for a free board, for example while one restarts; default 180. */
  readonly wait?: number
}

/** Trials that end with their board lost before the trial is what is at fault. */
const MOST_TRIES = 2
/** Milliseconds for bringing a network onto a board. */
const UPLOAD = 300_000

/**
 * Runs kernels on the boards of a tracker. A session serves one trial after the other; one that is lost, since the kernel crashed or
 * the board restarted, is replaced, and the trial repeated once.
 */
export class RpcRunner implements Runner {
  readonly local = false
  readonly exact = false
  readonly parallel: number
  private readonly timing: TimingOptions
  private readonly pool: BoardPool
  private readonly timeoutMs: number

  constructor({ tracker, key, target, parallel = 1, timeout = 10, wait = 180, ...timing }: RpcRunnerOptions) {
    const { number, repeat, minRepeatMs, cooldownMs, cacheFlush } = { ...defaultTiming, ...timing }
    this.timing = { number, repeat, minRepeatMs, cooldownMs, cacheFlush }
    this.parallel = parallel
    this.timeoutMs = timeout * 1000
    let needs: Promise<CodeNeeds> | undefined
    const code = () => {
      needs ??= codeNeeds(target)
      return needs
    }
    this.pool = new BoardPool({ tracker, key, wait, code })
  }

  /** @throws `ERR_TIMEOUT` when there is no free board, `ERR_CONNECTION` when the tracker cannot be reached, `ERR_CPU_FEATURES` */
  async run({ path, args }: BuiltTrial, signal?: AbortSignal): Promise<RunOutcome> {
    const started = performance.now()
    for (let attempt = 1; ; attempt++) {
      const session = await this.pool.take(signal)
      try {
        const limits = { signal, timeoutMs: this.timeoutMs }
        const costs = await session.timeKernel(path, args, this.timing, limits)
        return { costs: withoutExtremes(costs), elapsed: (performance.now() - started) / 1000 }
      } catch (error) {
        signal?.throwIfAborted()
        if (attempt < MOST_TRIES && (await wasLost(session, error))) continue
        return failureOf(error, started, runErrors)
      } finally {
        this.pool.give(session)
      }
    }
  }

  async load(artifacts: readonly ArtifactSource[], { signal }: NetworkOptions = {}): Promise<LoadedNetworks> {
    const session = await this.pool.take(signal)
    try {
      const limits = { signal, timeoutMs: UPLOAD }
      const { sessions, dispose } = await loadBeside(artifacts, (each) => session.load(each, limits))
      return { sessions, dispose: () => dispose().finally(() => this.pool.give(session)) }
    } catch (error) {
      this.pool.give(session)
      throw error
    }
  }

  /** Gives the boards back. */
  dispose(): Promise<void> {
    return this.pool.dispose()
  }
}

/** Whether a trial failed with its board, rather than on it: a kernel that never ends leaves a board that answers. */
async function wasLost({ address }: RemoteSession, error: unknown): Promise<boolean> {
  if (isTvmNodeError(error, 'ERR_CONNECTION')) return true
  return isTvmNodeError(error, 'ERR_TIMEOUT') && address !== undefined && !(await isReachable(address))
}
