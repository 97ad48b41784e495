import type { Limits } from '../limits.js'
import type { ArtifactSource } from '../session/load.js'
import type { Session } from '../session/session.js'

/** What happens to a board between being free and being free again, in this order. */
export const boardPhases = [
  'lock',
  'connect',
  'setup',
  'rebuild',
  'serve',
  'upload',
  'measure',
  'profile',
  'reset',
  'stop',
  'teardown',
  'disconnect',
  'unlock',
] as const
export type BoardPhase = (typeof boardPhases)[number]

export type Availability =
  | { readonly available: true }
  /** `busy` boards may become free; others are missing something. */
  | { readonly available: false; readonly busy: boolean; readonly reason: string }

/** Milliseconds that each phase may take unless a call says otherwise. */
export const phaseDeadlines: Readonly<Record<BoardPhase, number>> = {
  // Longer than a lease: a board whose holder is gone comes free meanwhile.
  lock: 90_000,
  connect: 60_000,
  setup: 300_000,
  rebuild: 3_600_000,
  serve: 60_000,
  upload: 120_000,
  measure: 300_000,
  profile: 300_000,
  reset: 120_000,
  stop: 15_000,
  teardown: 60_000,
  disconnect: 30_000,
  unlock: 30_000,
}

/**
 * One way to reach boards. Steps left out are not needed there. Each ends when its signal says so; an error of a step is
 * reported with the name of its phase. `stop`, `teardown`, `disconnect` and `unlock` undo `serve`, `setup`, `connect` and `lock` and are
 * called for every one of those that began, also after a failure. See `BoardConnection` for the order.
 */
export interface BoardAdapter {
  /** Aborted, with the reason, when the board may be another's: what runs there ends. */
  readonly lost?: AbortSignal | undefined
  /** Whether the board could be used now, without taking it. */
  available(limits: Limits): Promise<Availability>
  /** @throws `ERR_BOARD_BUSY` when another holds the board. */
  lock?(limits: Limits): Promise<void>
  connect?(limits: Limits): Promise<void>
  /** Brings the board into the state for measuring: clocks, power. */
  setup?(limits: Limits): Promise<void>
  /** Builds what the board runs networks with. */
  rebuild?(limits: Limits): Promise<void>
  /** Starts what takes networks. */
  serve?(limits: Limits): Promise<void>
  /**
   * Brings an artifact onto the board; what comes back runs there until it is disposed.
   *
   * @param before - What runs there now. It may be changed into the new one and returned; else the caller disposes of it.
   */
  upload(artifact: ArtifactSource, limits: Limits, before: Session | undefined): Promise<Session>
  /** Brings a board that hangs back to the state after `serve`. */
  reset?(limits: Limits): Promise<void>
  stop?(limits: Limits): Promise<void>
  teardown?(limits: Limits): Promise<void>
  disconnect?(limits: Limits): Promise<void>
  unlock?(limits: Limits): Promise<void>
}
