import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type MicroBoard, startProgram } from '../micro/micro-board.js'
import { buildNetworkProgram } from '../micro/network-program.js'
import { countsInstructions } from '../micro/platform.js'
import { makePrivateFolder, removePrivateFolder } from '../private-folders.js'
import { RemoteSession } from '../rpc/remote-session.js'
import { readArtifact } from '../session/artifact.js'
import { allowedCpus } from '../session/cpus.js'
import type { ArtifactSource } from '../session/load.js'
import { defaultTiming } from './local-runner.js'
import type { TimingOptions } from './run-task.js'
import {
  type BuiltTrial,
  failureOf,
  type LoadedNetworks,
  loadBeside,
  type MeasuredNetwork,
  type NetworkOptions,
  type Runner,
  type RunOutcome,
  runErrors,
  withoutExtremes,
} from './trial.js'

export interface MicroRunnerOptions extends Partial<TimingOptions> {
  readonly board: MicroBoard
  /** Boards that work at once; default the processors for simulators that count instructions, else 1. */
  readonly parallel?: number
  /** Seconds for one trial once its program runs; default 10. */
  readonly timeout?: number
}

/** A count of instructions is the same each time, also the first. */
const ONCE: TimingOptions = { number: 1, repeat: 1, minRepeatMs: 0, cooldownMs: 0, cacheFlush: false }
/** Milliseconds for starting a program and bringing a network to it. */
const START = 60_000

/**
 * Runs kernels on boards without an operating system: each is a program of its own, so that no trial finds a board as another one left
 * it. Starting the program is no part of what is measured, nor of the time that a trial may take.
 */
export class MicroRunner implements Runner {
  readonly local: boolean
  readonly exact: boolean
  readonly parallel: number
  private readonly board: MicroBoard
  private readonly timing: TimingOptions
  private readonly timeoutMs: number
  private readonly idle: RemoteSession[] = []
  private readonly sessions = new Set<RemoteSession>()

  constructor({ board, parallel, timeout = 10, ...timing }: MicroRunnerOptions) {
    const counts = countsInstructions(board.platform)
    // A clock of this machine must not be disturbed by compilers at work.
    this.local = !counts
    this.exact = counts
    this.parallel = counts ? (parallel ?? allowedCpus().length) : 1
    this.board = board
    this.timing = { ...(counts ? ONCE : defaultTiming), ...timing }
    this.timeoutMs = timeout * 1000
  }

  async run({ path, args }: BuiltTrial, signal?: AbortSignal): Promise<RunOutcome> {
    const started = performance.now()
    let session: RemoteSession | undefined
    try {
      session = await this.start(path, signal)
      const limits = { signal, timeoutMs: this.timeoutMs }
      const costs = await session.timeKernel(undefined, args, this.timing, limits)
      return { costs: withoutExtremes(costs), elapsed: (performance.now() - started) / 1000 }
    } catch (error) {
      signal?.throwIfAborted()
      return failureOf(error, started, runErrors)
    } finally {
      if (session) this.give(session)
      await rm(`${path}.log`, { force: true })
    }
  }

  load(artifacts: readonly ArtifactSource[], { signal }: NetworkOptions = {}): Promise<LoadedNetworks> {
    return this.board.start.kind === 'connected'
      ? this.loadInTurns(artifacts, signal)
      : this.loadBeside(artifacts, signal)
  }

  /** Each runs in a simulator of its own. */
  private async loadBeside(
    artifacts: readonly ArtifactSource[],
    signal: AbortSignal | undefined,
  ): Promise<LoadedNetworks> {
    const folder = await makePrivateFolder()
    const sessions: RemoteSession[] = []
    const limits = { signal, timeoutMs: START }
    const end = async () => {
      for (const session of sessions) this.give(session)
      await removePrivateFolder(folder)
    }
    try {
      const { sessions: networks, dispose } = await loadBeside(artifacts, async (artifact) => {
        const contents = await readArtifact(typeof artifact === 'string' ? artifact : artifact.path)
        const own = await mkdtemp(join(folder, 'program-'))
        const { image } = await buildNetworkProgram(contents, this.board, own, signal)
        const session = await this.start(image, signal)
        sessions.push(session)
        return session.load(artifact, limits)
      })
      return { sessions: networks, dispose: () => dispose().finally(end) }
    } catch (error) {
      await end()
      throw error
    }
  }

  /** A board has one program at a time: whose turn it is gets it. */
  private async loadInTurns(
    artifacts: readonly ArtifactSource[],
    signal: AbortSignal | undefined,
  ): Promise<LoadedNetworks> {
    let current: LoadedNetworks | undefined
    const end = async () => {
      await current?.dispose()
      current = undefined
    }
    const inTurn = async (artifact: ArtifactSource): Promise<MeasuredNetwork> => {
      const { metadata } = await readArtifact(typeof artifact === 'string' ? artifact : artifact.path)
      return {
        inputs: metadata.inputs,
        profile: async (inputs, options) => {
          await end()
          current = await this.loadBeside([artifact], signal)
          return (current.sessions[0] as MeasuredNetwork).profile(inputs, options)
        },
      }
    }
    const turns = await Promise.all(artifacts.map(inTurn))
    return { sessions: turns, dispose: end }
  }

  /** Starts a program in place of the last one that a session was with. */
  private async start(image: string, signal: AbortSignal | undefined): Promise<RemoteSession> {
    const line = await startProgram(this.board, image, signal)
    const limits = { signal, timeoutMs: START }
    const known = this.idle.pop()
    if (known) {
      try {
        await known.reattach(line, limits)
        return known
      } catch (error) {
        this.give(known)
        throw error
      }
    }
    const session = await RemoteSession.attach(`board '${this.board.name}'`, line, limits)
    this.sessions.add(session)
    return session
  }

  /** Takes a session back; one that was lost is forgotten. */
  private give(session: RemoteSession): void {
    if (session.alive) this.idle.push(session)
    else this.sessions.delete(session)
  }

  /** Ends all programs. */
  async dispose(): Promise<void> {
    await Promise.all([...this.sessions].map((session) => session.dispose()))
    this.sessions.clear()
    this.idle.length = 0
  }
}
