import { setTimeout as sleep } from 'node:timers/promises'
import { isTvmNodeError } from '../errors.js'
import { LimitedTime, type Limits } from '../limits.js'
import type { Address } from '../rpc/address.js'
import type { RemoteSession } from '../rpc/remote-session.js'
import { requestSession } from '../rpc/request-session.js'
import type { CodeNeeds } from '../session/artifact.js'

export interface BoardPoolOptions {
  readonly tracker: Address
  /** What the tracker calls the boards, which are equal ones. */
  readonly key: string
  /** Seconds to wait for a board: long enough for one to restart. */
  readonly wait: number
  /** What is to run there. */
  readonly code: () => Promise<CodeNeeds>
}

/** Milliseconds between attempts to reach a tracker that is away. */
const RETRY = 1000

/** Sessions on equal boards, kept for who needs one next. */
export class BoardPool {
  private readonly sessions = new Set<RemoteSession>()
  private readonly idle: RemoteSession[] = []
  /** Those who wait: each takes what the tracker grants or what another gives back, whichever is first. */
  private readonly takers = new Set<(session: RemoteSession) => void>()

  constructor(private readonly options: BoardPoolOptions) {}

  /**
   * @throws `ERR_TIMEOUT` when there is no free board, `ERR_CONNECTION` when the tracker cannot be reached, `ERR_CPU_FEATURES` when the
   * boards cannot run what is to run there
   */
  async take(signal?: AbortSignal): Promise<RemoteSession> {
    const known = this.takeIdle()
    if (known) return known
    using time = new LimitedTime({ signal })
    let handed: RemoteSession | undefined
    let taker: (session: RemoteSession) => void = () => {}
    const given = new Promise<RemoteSession>((resolve) => {
      taker = (session) => {
        this.takers.delete(taker)
        handed = session
        resolve(session)
      }
      this.takers.add(taker)
    })
    const granted = this.request(time.signal)
    let taken: RemoteSession | undefined
    try {
      taken = await Promise.race([granted, given])
      return taken
    } finally {
      this.takers.delete(taker)
      if (handed && handed !== taken) this.give(handed)
      time.abort(new Error('another board was free'))
      granted.then(
        (late) => late !== taken && this.give(late),
        () => undefined,
      )
    }
  }

  /** Takes a session back; one that was lost is forgotten. */
  give(session: RemoteSession): void {
    if (!session.alive) {
      this.sessions.delete(session)
      return
    }
    const [taker] = this.takers
    if (taker) taker(session)
    else this.idle.push(session)
  }

  private takeIdle(): RemoteSession | undefined {
    for (;;) {
      const known = this.idle.pop()
      if (!known || known.alive) return known
      this.sessions.delete(known)
    }
  }

  private async request(signal: AbortSignal): Promise<RemoteSession> {
    const { tracker, key, wait } = this.options
    const deadline = performance.now() + wait * 1000
    for (;;) {
      const timeoutMs = Math.max(1, deadline - performance.now())
      try {
        const session = await requestSession({ tracker, key, signal, timeoutMs })
        this.sessions.add(session)
        await this.check(session, { signal, timeoutMs })
        return session
      } catch (error) {
        const isAway = isTvmNodeError(error, 'ERR_CONNECTION')
        if (!isAway || performance.now() + RETRY > deadline) throw error
        await sleep(RETRY, undefined, { signal })
      }
    }
  }

  /** A session that is of no use is ended. */
  private async check(session: RemoteSession, limits: Limits): Promise<void> {
    try {
      await session.check(await this.options.code(), limits)
    } catch (error) {
      this.sessions.delete(session)
      await session.dispose()
      throw error
    }
  }

  /** Gives the boards back to the tracker. */
  async dispose(): Promise<void> {
    await Promise.all([...this.sessions].map((session) => session.dispose()))
    this.sessions.clear()
    this.idle.length = 0
  }
}
