import { isTvmNodeError, TvmNodeError } from '../errors.js'
import { LimitedTime, type Limits } from '../limits.js'
import type { NamedTensors } from '../session/inputs.js'
import type { ArtifactSource } from '../session/load.js'
import type { ProfileReport, Session } from '../session/session.js'
import { type Availability, type BoardAdapter, type BoardPhase, phaseDeadlines } from './adapter.js'
import type { Board } from './board.js'

export type BoardState = 'idle' | 'ready' | 'loaded' | 'lost' | 'closed'

/** The phases that take a board and what undoes each. */
const taking = [
  ['lock', 'unlock'],
  ['connect', 'disconnect'],
  ['setup', 'teardown'],
  ['rebuild', undefined],
  ['serve', 'stop'],
] as const satisfies readonly (readonly [BoardPhase, BoardPhase | undefined])[]
type Undoing = Exclude<(typeof taking)[number][1], undefined>

/**
 * A board in use: one life cycle for every adapter. Taken when it is first needed (lock, connect, setup, rebuild, serve), given
 * back by `release` and `close` (stop, teardown, disconnect, unlock), each step within its deadline and in reverse for as far as the taking came. A board that a
 * phase failed on is `lost`: it is given back, and taken anew by the next call.
 */
export class BoardConnection {
  private current: BoardState = 'idle'
  private undo: Undoing[] = []
  private giving: Promise<void> | undefined
  private session: Session | undefined

  constructor(
    readonly board: Board,
    private readonly adapter: BoardAdapter,
  ) {}

  get state(): BoardState {
    return this.current
  }

  available(limits: Limits = {}): Promise<Availability> {
    return this.adapter.available(limits)
  }

  /** Takes the board unless it is taken. @throws `ERR_BOARD`, `ERR_BOARD_BUSY`, `ERR_DISPOSED`, the signal's reason */
  async take(limits: Limits = {}): Promise<void> {
    if (this.current === 'closed')
      throw new TvmNodeError('ERR_DISPOSED', `board '${this.board.name}' was closed`)
    // A failed call may be giving it back still.
    await this.giving?.catch(() => undefined)
    if (this.current === 'lost') await this.giveBack()
    if (this.current !== 'idle') return
    for (const [phase, undo] of taking) {
      if (undo) this.undo.unshift(undo)
      await this.step(phase, limits, (within) => this.adapter[phase]?.(within))
    }
    this.current = 'ready'
  }

  /** Brings an artifact onto the board in place of the one before. @throws as `take` */
  async upload(artifact: ArtifactSource, limits: Limits = {}): Promise<Session> {
    await this.take(limits)
    const before = this.session
    this.session = await this.step('upload', limits, (within) =>
      this.adapter.upload(artifact, within, before),
    )
    this.current = 'loaded'
    if (before !== this.session) await before?.dispose()
    return this.session
  }

  /** Runs what was uploaded last. @throws `ERR_INPUT`, and as `take` */
  run(inputs: NamedTensors, limits: Limits = {}): Promise<NamedTensors> {
    return this.step('measure', limits, (within) => this.loaded.run(inputs, within))
  }

  /** Measures what was uploaded last. @throws as `run` */
  profile(inputs: NamedTensors, limits: Limits & { readonly repeat?: number } = {}): Promise<ProfileReport> {
    const { repeat, ...rest } = limits
    const options = repeat === undefined ? {} : { repeat }
    return this.step('profile', rest, (within) => this.loaded.profile(inputs, { ...within, ...options }))
  }

  /** Brings a board that hangs back; what was uploaded is gone. */
  async reset(limits: Limits = {}): Promise<void> {
    await this.take(limits)
    await this.unload()
    await this.step('reset', limits, (within) => this.adapter.reset?.(within))
    this.current = 'ready'
  }

  /** Gives the board back until it is needed again. @throws as `close` */
  async release(): Promise<void> {
    if (this.current !== 'closed') await this.giveBack()
  }

  /** Gives the board back. Safe to call twice. @throws `ERR_BOARD` for the first step that failed, after all were tried */
  async close(): Promise<void> {
    if (this.current === 'closed') return
    const given = this.giveBack()
    this.current = 'closed'
    await given
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  private get loaded(): Session {
    if (this.session) return this.session
    throw new TvmNodeError('ERR_BOARD', `board '${this.board.name}' has no network; upload one first`, {
      details: { board: this.board.name, state: this.current },
    })
  }

  private async unload(): Promise<void> {
    const { session } = this
    this.session = undefined
    await session?.dispose()
  }

  private giveBack(): Promise<void> {
    this.giving ??= this.undoAll().finally(() => {
      this.giving = undefined
    })
    return this.giving
  }

  private async undoAll(): Promise<void> {
    const steps = this.undo
    this.undo = []
    this.current = 'idle'
    const failures: unknown[] = []
    const attempt = (work: Promise<unknown>) => work.catch((error: unknown) => failures.push(error))
    await attempt(this.unload())
    // No signal reaches these: a board must be given back also when its work was aborted.
    for (const phase of steps) {
      await attempt(this.limited(phase, {}, (within) => this.adapter[phase]?.(within)))
    }
    if (failures.length > 0) throw failures[0]
  }

  private async step<T>(
    phase: BoardPhase,
    limits: Limits,
    work: (within: Limits) => Promise<T> | undefined,
  ): Promise<T> {
    try {
      return await this.limited(phase, limits, work)
    } catch (error) {
      // What was asked for was wrong; the board is all right.
      if (harmless.some((code) => isTvmNodeError(error, code))) throw error
      this.current = 'lost'
      await this.giveBack().catch(() => undefined)
      throw error
    }
  }

  /** Runs a step within its deadline; its error tells the phase. */
  private async limited<T>(
    phase: BoardPhase,
    { signal, timeoutMs = phaseDeadlines[phase] }: Limits,
    work: (within: Limits) => Promise<T> | undefined,
  ): Promise<T> {
    using time = new LimitedTime({ signal, timeoutMs }, () => ({
      where: ` (board '${this.board.name}', ${phase})`,
    }))
    try {
      const { lost } = isUndoing(phase) ? {} : this.adapter
      const lose = () => time.abort(lost?.reason)
      if (lost?.aborted) lose()
      lost?.addEventListener('abort', lose, { once: true })
      try {
        const within = { signal: time.signal, timeoutMs: timeoutMs * SHARE }
        return (await Promise.race([work(within), time.over()])) as T
      } finally {
        lost?.removeEventListener('abort', lose)
      }
    } catch (error) {
      if (signal?.aborted && error === signal.reason) throw error
      if (passing.some((code) => isTvmNodeError(error, code))) throw error
      const { message, code } = error as { message: string; code?: string }
      throw new TvmNodeError(
        'ERR_BOARD',
        `board '${this.board.name}' failed in phase '${phase}': ${message}`,
        {
          cause: error,
          details: { board: this.board.name, phase, code },
        },
      )
    }
  }
}

/** What of its time a step is told, so that its own error, which says more, comes before that of the time. */
const SHARE = 0.9

function isUndoing(phase: BoardPhase): boolean {
  return taking.some(([, undo]) => undo === phase)
}

/** Errors after which the board is as it was. */
const harmless = ['ERR_INPUT', 'ERR_DISPOSED', 'ERR_CPU_FEATURES'] as const
/** Errors that say more than that a phase failed. */
const passing = [...harmless, 'ERR_BOARD_BUSY', 'ERR_BOARD_MEMORY', 'ERR_LEASE_LOST', 'ERR_BOARD'] as const
