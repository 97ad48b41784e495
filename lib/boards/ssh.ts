import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { TvmNodeError } from '../errors.js'
import type { Limits } from '../limits.js'
import { retry } from '../retry.js'
import { RemoteSession } from '../rpc/remote-session.js'
import { type CodeNeeds, checkCode, type Processor } from '../session/artifact.js'
import type { ArtifactSource } from '../session/load.js'
import type { Session } from '../session/session.js'
import { SshConnection } from '../ssh/connection.js'
import type { Availability, BoardAdapter } from './adapter.js'
import { personOf } from './automate.js'
import type { Board } from './board.js'
import type { BoardHost } from './board-host.js'
import { BoardServer } from './board-server.js'
import { HeldHost } from './held-host.js'
import { linuxProcessor } from './processor.js'
import { rebuildRuntime } from './rebuild.js'
import { succeeded } from './succeeded.js'

/** Milliseconds for a board that restarts to be gone. */
const GOING_DOWN = 30_000
/** Milliseconds for one attempt to reach a board that restarts, and between two. */
const ATTEMPT = 10_000
const PAUSE = 3000

/**
 * A board reached by SSH, of which nothing else need be open: a server is started there for this run alone, and what goes to it goes
 * through the connection.
 */
export class SshAdapter implements BoardAdapter {
  /** Under way from the first attempt to lock on: what comes too late for its caller must be given back too. */
  private taking: Promise<HeldHost> | undefined
  private held: HeldHost | undefined
  /** Whether the board was told to restart as the last thing. */
  private restarting = false
  private running: BoardServer | undefined
  private session: RemoteSession | undefined
  private processor: Processor | undefined
  /** What servers are started in. */
  private environment: Readonly<Record<string, string>> = {}

  /** @param hosts - Equal machines, of which the first that is free is taken. */
  constructor(
    private readonly board: Pick<
      Board,
      'name' | 'setup' | 'teardown' | 'server' | 'rebuild_runtime' | 'opencl' | 'cuda'
    >,
    private readonly hosts: readonly BoardHost[],
  ) {}

  get lost(): AbortSignal | undefined {
    return this.held?.lost
  }

  async available(limits: Limits): Promise<Availability> {
    const answers = await Promise.all(this.hosts.map((host) => this.isFree(host, limits)))
    return answers.find(({ available }) => available) ?? (answers[0] as Availability)
  }

  private async isFree(host: BoardHost, limits: Limits): Promise<Availability> {
    try {
      const holder = await HeldHost.holderOf(this.board.name, host, limits)
      if (!holder) return { available: true }
      return { available: false, busy: true, reason: `held by ${personOf(holder.owner)}` }
    } catch (error) {
      limits.signal?.throwIfAborted()
      return { available: false, busy: false, reason: (error as Error).message }
    }
  }

  async lock(limits: Limits): Promise<void> {
    this.restarting = false
    this.taking = HeldHost.takeFirst(this.board.name, this.hosts, limits)
    this.held = await this.taking
  }

  async connect(limits: Limits): Promise<void> {
    await this.host.connect(limits)
  }

  async setup(limits: Limits): Promise<void> {
    for (const command of this.board.setup) succeeded(command, await this.ssh.exec(command, limits))
  }

  async rebuild(limits: Limits): Promise<void> {
    if (!this.board.rebuild_runtime) return
    this.environment = await rebuildRuntime(this.ssh, this.board, this.host.where.rundir, limits)
  }

  async serve(limits: Limits): Promise<void> {
    this.running = await BoardServer.start(this.ssh, this.board.server, limits, this.environment)
  }

  /** The server on the board, and the connection through which it is reached. */
  get server(): { readonly ssh: SshConnection; readonly server: BoardServer } {
    const server = this.running
    if (!server) throw new TvmNodeError('ERR_BOARD', `no server runs on board '${this.board.name}'`)
    return { ssh: this.ssh, server }
  }

  async upload(artifact: ArtifactSource, limits: Limits): Promise<Session> {
    if (!this.session?.alive) {
      const { ssh, server } = this.server
      const { address } = await ssh.forward(server.address)
      this.session = await RemoteSession.connect(address, { key: server.key, ...limits })
    }
    return await this.session.load(artifact, limits, await this.processorOf(limits))
  }

  /** Refuses code that the board's processor cannot run. @throws `ERR_CPU_FEATURES` */
  async check(code: CodeNeeds, limits: Limits): Promise<void> {
    checkCode(code, await this.processorOf(limits))
  }

  private async processorOf(limits: Limits): Promise<Processor> {
    if (!this.processor) {
      const { stdout } = await this.ssh.exec('uname -m; cat /proc/cpuinfo', limits)
      const [machine = ''] = stdout.split('\n', 1)
      this.processor = { ...linuxProcessor(machine, stdout), where: `board '${this.board.name}'` }
    }
    return this.processor
  }

  async reset(limits: Limits): Promise<void> {
    await this.stop()
    if ((await this.restart(limits)) || this.ssh.lost.aborted) {
      await this.connectAgain(limits)
      await this.setup(limits)
    }
    await this.serve(limits)
  }

  /** Restarts the board, where that can be done from outside of it; false where it cannot. */
  private async restart(limits: Limits): Promise<boolean> {
    const { reset } = this.host.where
    if (!reset || reset.commands.length === 0) return false
    await using gateway = await SshConnection.connect(reset.host, limits)
    for (const command of reset.commands) succeeded(command, await gateway.exec(command, limits))
    // A board that is not down yet would be taken for one that is up again.
    const { lost } = this.ssh
    if (!lost.aborted)
      await Promise.race([once(lost, 'abort'), sleep(GOING_DOWN, undefined, { signal: limits.signal })])
    return true
  }

  private connectAgain(limits: Limits): Promise<void> {
    return retry({ ...limits, attemptMs: ATTEMPT, pauseMs: PAUSE }, (within) => this.connect(within))
  }

  async stop(): Promise<void> {
    const { session, running } = this
    this.session = undefined
    this.running = undefined
    await session?.dispose()
    await running?.stop()
  }

  async teardown(limits: Limits): Promise<void> {
    const { teardown } = this.board
    if (teardown.length === 0) return
    // It may be another's by now.
    if (this.lost?.aborted) return
    // What was set up must be undone also when the connection broke meanwhile.
    await this.connect(limits)
    for (const [i, command] of teardown.entries()) {
      try {
        succeeded(command, await this.ssh.exec(command, limits))
      } catch (error) {
        // The last one may restart the board.
        this.restarting = i === teardown.length - 1 && this.ssh.lost.aborted
        if (!this.restarting) throw error
      }
    }
  }

  async disconnect(): Promise<void> {
    await this.held?.disconnect()
  }

  async unlock(limits: Limits): Promise<void> {
    const { taking, restarting } = this
    this.taking = undefined
    this.held = undefined
    this.processor = undefined
    const held = await taking?.catch(() => undefined)
    await held?.release({ ...limits, restarting })
  }

  private get host(): HeldHost {
    if (this.held) return this.held
    throw new TvmNodeError('ERR_BOARD', `board '${this.board.name}' is not held`)
  }
  private get ssh(): SshConnection {
    return this.host.ssh
  }
}
