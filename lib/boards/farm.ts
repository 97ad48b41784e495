import { setTimeout as sleep } from 'node:timers/promises'
import { isTvmNodeError } from '../errors.js'
import type { Limits } from '../limits.js'
import type { Address } from '../rpc/address.js'
import { RpcRelay } from '../rpc/relay.js'
import { Tracker } from '../rpc/tracker.js'
import type { CodeNeeds } from '../session/artifact.js'
import type { Board } from './board.js'
import type { BoardHost } from './board-host.js'
import { BoardConnection } from './connection.js'
import { SshAdapter } from './ssh.js'

/** Milliseconds between attempts to take a board that was lost, for example because it restarts. */
const RETRY = 2000
/** Milliseconds between questions whether a board is there: a trial that fails with its board is told from one that fails on it. */
const KEEP_ALIVE = 2500

/** Equal boards behind SSH at a tracker of this process, for measuring on all of them at once. */
export class BoardFarm implements AsyncDisposable {
  private constructor(
    private readonly own: Tracker,
    private readonly members: readonly Member[],
  ) {}

  /**
   * Waits until one of the hosts is taken; the others join as soon as they can be had, as long as the farm is there.
   *
   * @param code - What is to run there: a board whose processor cannot run it does not join.
   * @throws what taking the first one ended with when none can be taken
   */
  static async open(
    board: Board,
    hosts: readonly BoardHost[],
    code: CodeNeeds,
    limits: Limits = {},
  ): Promise<BoardFarm> {
    const tracker = await Tracker.start({ port: 0 })
    const members = hosts.map((host) => new Member(board, host, code, tracker.address))
    const farm = new BoardFarm(tracker, members)
    try {
      await Promise.any(members.map((member) => member.stay(limits)))
      return farm
    } catch (error) {
      await farm.dispose()
      throw (error as AggregateError).errors[0]
    }
  }

  get tracker(): Address {
    return this.own.address
  }
  get size(): number {
    return this.members.length
  }

  /** Gives all boards back. */
  async dispose(): Promise<void> {
    await Promise.all(this.members.map((member) => member.end()))
    await this.own.close()
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }
}

/** One board: taken, offered to the tracker until it is lost, taken again. */
class Member {
  private readonly adapter: SshAdapter
  private readonly connection: BoardConnection
  private readonly ending = new AbortController()
  private relay: RpcRelay | undefined
  private staying: Promise<void> | undefined

  constructor(
    private readonly board: Board,
    where: BoardHost,
    private readonly code: CodeNeeds,
    private readonly tracker: Address,
  ) {
    this.adapter = new SshAdapter(board, [{ ...where, host: { ...where.host, keepAliveMs: KEEP_ALIVE } }])
    this.connection = new BoardConnection(board, this.adapter)
  }

  /** Takes the board, and again when that fails or it is lost, until `end`. Resolves when it was first taken. @throws as taking it */
  stay({ signal, ...rest }: Limits): Promise<void> {
    const either = AbortSignal.any([this.ending.signal, ...(signal ? [signal] : [])])
    const begun = this.begin({ ...rest, signal: either })
    this.staying = begun.catch(() => undefined).then(() => this.keepOffering())
    return begun
  }

  private async begin(limits: Limits): Promise<void> {
    await this.connection.take(limits)
    try {
      await this.adapter.check(this.code, limits)
    } catch (error) {
      // It will not do later either.
      if (isTvmNodeError(error, 'ERR_CPU_FEATURES')) this.ending.abort()
      throw error
    }
    const { ssh, server } = this.adapter.server
    this.relay = await RpcRelay.start({
      tracker: this.tracker,
      key: this.board.name,
      serverKey: server.key,
      open: () => ssh.open(server.address),
    })
  }

  private async keepOffering(): Promise<void> {
    const { signal } = this.ending
    while (!signal.aborted) {
      if (this.relay) await this.lost()
      await this.relay?.close()
      this.relay = undefined
      await this.connection.release().catch(() => undefined)
      if (signal.aborted) return
      await this.begin({ signal }).catch(() => sleep(RETRY, undefined, { signal }).catch(() => undefined))
    }
  }

  /** Until the board is lost or not needed any more. */
  private lost(): Promise<void> {
    const { ssh, server } = this.adapter.server
    const { lost = this.ending.signal } = this.adapter
    const over = AbortSignal.any([ssh.lost, server.ended, lost, this.ending.signal])
    return new Promise((resolve) => {
      if (over.aborted) resolve()
      else over.addEventListener('abort', () => resolve(), { once: true })
    })
  }

  async end(): Promise<void> {
    this.ending.abort()
    await this.staying
    await this.relay?.close()
    await this.connection.close().catch(() => undefined)
  }
}
