import { isTvmNodeError, TvmNodeError } from '../errors.js'
import type { Limits } from '../limits.js'
import { type Address, formatAddress, parseAddress, TRACKER_PORT } from '../rpc/address.js'
import type { RemoteSession } from '../rpc/remote-session.js'
import { requestSession } from '../rpc/request-session.js'
import { queryTracker } from '../rpc/tracker-client.js'
import { queueStatuses } from '../rpc/tracker-summary.js'
import type { ArtifactSource } from '../session/load.js'
import type { Session } from '../session/session.js'
import { type Availability, type BoardAdapter, phaseDeadlines } from './adapter.js'
import type { Board } from './board.js'

/** Milliseconds for a free board: the error that tells who holds it comes before the phase ends. */
const WAIT = phaseDeadlines.connect - 5000

/**
 * Boards whose servers a tracker knows under the board's name. The session is the lock: a server has one at a time. Whoever started
 * the server has set the board up.
 */
export class RpcAdapter implements BoardAdapter {
  private readonly tracker: Address
  private session: RemoteSession | undefined

  /** @throws `ERR_CONFIG` without a tracker */
  constructor(private readonly board: Pick<Board, 'name' | 'tracker'>) {
    if (board.tracker === null) {
      throw new TvmNodeError(
        'ERR_CONFIG',
        `board '${board.name}': the connector 'rpc' needs a tracker, such as tracker: 127.0.0.1:${TRACKER_PORT}`,
        { details: { path: 'tracker' } },
      )
    }
    this.tracker = parseAddress(board.tracker, TRACKER_PORT)
  }

  async available(limits: Limits): Promise<Availability> {
    const where = `the tracker at ${formatAddress(this.tracker)}`
    try {
      const statuses = queueStatuses(await queryTracker(this.tracker, limits))
      const status = statuses.find(({ key }) => key === this.board.name)
      if (!status || status.total === 0) {
        return { available: false, busy: false, reason: `${where} knows no board '${this.board.name}'` }
      }
      if (status.free > 0) return { available: true }
      return { available: false, busy: true, reason: `${where} has no '${this.board.name}' that is free` }
    } catch (error) {
      limits.signal?.throwIfAborted()
      return { available: false, busy: false, reason: (error as Error).message }
    }
  }

  async connect(limits: Limits): Promise<void> {
    try {
      this.session = await requestSession({
        tracker: this.tracker,
        key: this.board.name,
        timeoutMs: WAIT,
        ...limits,
      })
    } catch (error) {
      if (isTvmNodeError(error, 'ERR_TIMEOUT') && error.details.total) {
        throw new TvmNodeError('ERR_BOARD_BUSY', error.message, { cause: error, details: error.details })
      }
      throw error
    }
  }

  async upload(artifact: ArtifactSource, limits: Limits): Promise<Session> {
    if (!this.session) throw new TvmNodeError('ERR_BOARD', `board '${this.board.name}' is not connected`)
    return await this.session.load(artifact, limits)
  }

  async reset(limits: Limits): Promise<void> {
    await this.disconnect()
    await this.connect(limits)
  }

  async disconnect(): Promise<void> {
    const { session } = this
    this.session = undefined
    await session?.dispose()
  }
}
