import { once } from 'node:events'
import { connect as connectSocket, createServer, type Server, type Socket } from 'node:net'
import { userInfo } from 'node:os'
import type { Duplex } from 'node:stream'
import type { Client, ClientChannel, ConnectConfig, ServerHostKeyAlgorithm, SFTPWrapper } from 'ssh2'
import { isTvmNodeError, TvmNodeError } from '../errors.js'
import { LimitedTime, type Limits } from '../limits.js'
import { type Address, formatAddress, LOOPBACK, listenFirst } from '../rpc/address.js'
import { authentication, type Credentials } from './authentication.js'
import { BEAT, SIGN, tied } from './command.js'
import { defaultKnownHosts, KnownHosts } from './known-hosts.js'

export interface SshHost extends Omit<Credentials, 'username'> {
  readonly host: string
  /** Default 22. */
  readonly port?: number | undefined
  /** Default the user of this process. */
  readonly username?: string | undefined
  /** Files of known keys; default the user's and the system's. */
  readonly knownHosts?: readonly string[] | undefined
  /** A host to go through, whose key is checked the same way. */
  readonly gateway?: SshHost | undefined
  /** Milliseconds between questions whether the host is there; three without an answer end the connection. Default 6000. */
  readonly keepAliveMs?: number | undefined
  /** Milliseconds without a sign of life of this process after which its commands there are ended. Default 60 000. */
  readonly leaseMs?: number | undefined
}

export interface Finished {
  /** Exit status; undefined when a signal ended the command. */
  readonly code: number | undefined
  readonly signal: string | undefined
  readonly stdout: string
  readonly stderr: string
}

/** A command that runs on the host until it ends or is stopped. */
export interface RunningCommand {
  readonly finished: Promise<Finished>
  /** Ends it with all that it started. */
  stop(): void
}

export interface Forward extends AsyncDisposable {
  readonly address: Address
}

const CONNECT = 30_000
const KEEP_ALIVE = 6000
const MOST_MISSED = 3
/** Characters of output that are kept, the last ones. */
const OUTPUT_KEPT = 1e6

/** A connection with a host by SSH. Every failure of the connection ends all that goes through it. */
export class SshConnection implements AsyncDisposable {
  private readonly closing = new AbortController()
  private readonly forwards = new Set<Forward>()
  private readonly reverse = new Map<number, Address>()

  private constructor(
    readonly where: string,
    private readonly client: Client,
    private readonly gateway: SshConnection | undefined,
    private readonly leaseMs: number | undefined,
  ) {
    // Calls are small and wait for their answers: 45 ms each otherwise.
    client.setNoDelay(true)
    client.once('close', () => this.lose(new Error('the connection was closed')))
    client.on('error', (error) => this.lose(error))
    client.on('tcp connection', ({ destPort }, accept, reject) => {
      const to = this.reverse.get(destPort)
      if (!to) return reject()
      const socket = connectSocket(to)
      socket.once('connect', () => join(socket, accept()))
      socket.once('error', () => socket.connecting && reject())
    })
  }

  /**
   * Opens a connection. The host's key is checked before anything secret is sent.
   *
   * @throws `ERR_HOST_UNKNOWN`, `ERR_HOST_KEY_CHANGED`, `ERR_HOST_KEY_REVOKED`, `ERR_SSH_AUTH`, `ERR_CONNECTION`, `ERR_CONFIG`,
   * `ERR_TIMEOUT`
   */
  static async connect(
    target: SshHost,
    { signal, timeoutMs = CONNECT }: Limits = {},
  ): Promise<SshConnection> {
    const { host, port = 22 } = target
    const where = formatAddress({ host, port })
    using time = new LimitedTime({ signal, timeoutMs }, () => ({ where: ` (connecting to ${where} by SSH)` }))
    const within = { signal: time.signal }
    const gateway = target.gateway && (await SshConnection.connect(target.gateway, within))
    // Read when the first host is reached: few who load this package reach any.
    const { default: ssh2 } = await import('ssh2')
    const client = new ssh2.Client()
    try {
      const through = gateway && (await Promise.race([gateway.open({ host, port }), time.over()]))
      await Promise.race([shake(client, target, where, through), time.over()])
      return new SshConnection(where, client, gateway, target.leaseMs)
    } catch (error) {
      client.on('error', () => undefined)
      client.destroy()
      await gateway?.close()
      throw error
    }
  }

  /** Aborted, with the reason, when the connection is lost or closed. */
  get lost(): AbortSignal {
    return this.closing.signal
  }

  /**
   * Starts a command of the host's shell, without input.
   *
   * @param onOutput - Told of each piece of output of either kind.
   * @throws `ERR_CONNECTION`
   */
  async start(command: string, onOutput: (text: string) => void = () => undefined): Promise<RunningCommand> {
    const channel = await this.ask<ClientChannel>((done) =>
      this.client.exec(tied(command, this.leaseMs), done),
    )
    const kept = { stdout: '', stderr: '' }
    const keep = (name: 'stdout' | 'stderr') => (text: string) => {
      kept[name] = (kept[name] + text).slice(-OUTPUT_KEPT)
      onOutput(text)
    }
    channel.setEncoding('utf8').on('data', keep('stdout'))
    channel.stderr.setEncoding('utf8').on('data', keep('stderr'))
    const beat = setInterval(() => channel.write(SIGN), BEAT)
    let end: Pick<Finished, 'code' | 'signal'> | undefined
    channel.on('exit', (code: number | null, signal?: string) => {
      end = { code: code ?? undefined, signal }
    })
    const ended = new Promise<Finished>((resolve, reject) => {
      const lost = () => reject(this.lost.reason)
      this.lost.addEventListener('abort', lost, { once: true })
      channel.once('close', () => {
        clearInterval(beat)
        this.lost.removeEventListener('abort', lost)
        if (end) resolve({ ...end, ...kept })
        else reject(this.failure(new Error('the command was cut off')))
      })
    })
    ended.catch(() => undefined)
    const stop = () => {
      clearInterval(beat)
      channel.end()
    }
    return { finished: ended, stop }
  }

  /** Runs a command to its end; one that reaches its limits is ended on the host too. @throws `ERR_CONNECTION`, `ERR_TIMEOUT` */
  async exec(command: string, limits: Limits = {}): Promise<Finished> {
    using time = new LimitedTime(limits, () => ({ where: ` ('${command}' on ${this.where})` }))
    const running = await this.start(command)
    try {
      return await Promise.race([running.finished, time.over()])
    } finally {
      running.stop()
    }
  }

  /** Brings a file onto the host. @throws `ERR_REMOTE`, `ERR_CONNECTION`, `ERR_TIMEOUT` */
  async upload(from: string, to: string, limits: Limits = {}): Promise<void> {
    using time = new LimitedTime(limits, () => ({ where: ` (uploading ${from} to ${this.where})` }))
    const sftp = await this.ask<SFTPWrapper>((done) => this.client.sftp(done))
    try {
      const sent = this.ask<void>((done) => sftp.fastPut(from, to, done))
      await Promise.race([sent, time.over()])
    } catch (cause) {
      if (time.signal.aborted || isTvmNodeError(cause, 'ERR_TIMEOUT') || this.lost.aborted) throw cause
      const why =
        (cause as Error).cause instanceof Error ? ((cause as Error).cause as Error) : (cause as Error)
      throw new TvmNodeError(
        'ERR_REMOTE',
        `${from} cannot be written as ${to} on ${this.where}: ${why.message}`,
        {
          cause,
        },
      )
    } finally {
      sftp.end()
    }
  }

  /**
   * A port of this machine's loopback that leads to an address as the host sees it.
   *
   * @param port - Default any free one.
   * @throws `ERR_CONNECTION`, `ERR_LISTEN`
   */
  async forward(to: Address, port = 0): Promise<Forward> {
    const sockets = new Set<Socket>()
    const server: Server = createServer((socket) => {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
      socket.on('error', () => undefined)
      this.open(to).then(
        (channel) => join(socket, channel),
        () => socket.destroy(),
      )
    })
    return this.keep(await listenFirst(server, { port }), async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    })
  }

  /** A port of the host's loopback that leads to an address as this machine sees it. @throws `ERR_CONNECTION` */
  async reverseForward(to: Address): Promise<Forward> {
    const port = await this.ask<number>((done) => this.client.forwardIn(LOOPBACK, 0, done))
    this.reverse.set(port, to)
    return this.keep({ host: LOOPBACK, port }, async () => {
      this.reverse.delete(port)
      if (this.lost.aborted) return
      await this.ask<void>((done) => this.client.unforwardIn(LOOPBACK, port, done)).catch(() => undefined)
    })
  }

  /** Ends the connection and all that goes through it. Safe to call twice. */
  async close(): Promise<void> {
    for (const forward of this.forwards) await forward[Symbol.asyncDispose]()
    if (!this.lost.aborted) {
      const closed = once(this.client, 'close')
      this.client.end()
      await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 1000).unref())])
      this.client.destroy()
    }
    await this.gateway?.close()
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  private keep(address: Address, end: () => Promise<void>): Forward {
    const forward: Forward = {
      address,
      [Symbol.asyncDispose]: async () => {
        if (this.forwards.delete(forward)) await end()
      },
    }
    this.forwards.add(forward)
    return forward
  }

  /** A stream to an address as the host sees it. @throws `ERR_CONNECTION` */
  open({ host, port }: Address): Promise<Duplex> {
    return this.ask((done) => this.client.forwardOut(LOOPBACK, 0, host, port, done))
  }

  /** An answer of the host, or the end of the connection. */
  private ask<T>(question: (done: (error?: Error | null, answer?: T) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const lost = () => reject(this.lost.reason)
      if (this.lost.aborted) return lost()
      this.lost.addEventListener('abort', lost, { once: true })
      const done = (error?: Error | null, answer?: T) => {
        this.lost.removeEventListener('abort', lost)
        if (error) reject(this.failure(error))
        else resolve(answer as T)
      }
      try {
        question(done)
      } catch (error) {
        done(error as Error)
      }
    })
  }

  private lose(cause: Error): void {
    if (!this.lost.aborted) this.closing.abort(this.failure(cause))
  }

  private failure(cause: Error): TvmNodeError {
    return connectionError(this.where, cause)
  }
}

function connectionError(where: string, cause: Error): TvmNodeError {
  return new TvmNodeError('ERR_CONNECTION', `SSH with ${where} failed: ${cause.message}`, {
    cause,
    details: { peer: where },
  })
}

/** Whatever ends or fails on one side ends the other. */
function join(socket: Socket, channel: Duplex): void {
  socket.setNoDelay(true)
  socket.on('error', () => channel.destroy())
  channel.on('error', () => socket.destroy())
  socket.once('close', () => channel.destroy())
  channel.once('close', () => socket.destroy())
  socket.pipe(channel)
  channel.pipe(socket)
}

/** Types of host keys with the algorithms that prove them, best first. */
const algorithms: readonly (readonly [string, readonly ServerHostKeyAlgorithm[]])[] = [
  ['ssh-ed25519', ['ssh-ed25519']],
  ['ecdsa-sha2-nistp256', ['ecdsa-sha2-nistp256']],
  ['ecdsa-sha2-nistp384', ['ecdsa-sha2-nistp384']],
  ['ecdsa-sha2-nistp521', ['ecdsa-sha2-nistp521']],
  ['ssh-rsa', ['rsa-sha2-512', 'rsa-sha2-256']],
]

/** Connects, checks the host's key, and proves who we are. */
async function shake(
  client: Client,
  target: SshHost,
  where: string,
  through: Duplex | undefined,
): Promise<void> {
  const { host, port = 22, username = userInfo().username } = target
  const known = await KnownHosts.read(target.knownHosts ?? defaultKnownHosts())
  const types = known.typesOf(host, port)
  // A host has several keys: ask for one that is known, as OpenSSH does.
  const preferred = algorithms.filter(([type]) => types.includes(type))
  const others = algorithms.filter(([type]) => !types.includes(type))
  let refusal: unknown
  await new Promise<void>((resolve, reject) => {
    const settle = async () => {
      const config: ConnectConfig = {
        ...(through ? { sock: through } : { host, port }),
        username,
        // The caller's deadline holds, also while a person types.
        readyTimeout: 0,
        keepaliveInterval: target.keepAliveMs ?? KEEP_ALIVE,
        keepaliveCountMax: MOST_MISSED,
        algorithms: { serverHostKey: [...preferred, ...others].flatMap(([, names]) => names) },
        hostVerifier: (key: Buffer) => {
          try {
            known.check(host, port, key)
            return true
          } catch (error) {
            refusal = error
            return false
          }
        },
        authHandler: (await authentication({ ...target, username }, where, reject)) as NonNullable<
          ConnectConfig['authHandler']
        >,
      }
      client.once('ready', resolve)
      client.on('error', (error) => {
        // An agent that is not there is no reason not to try keys.
        if (error.level === 'agent') return
        if (refusal) reject(refusal)
        else if (isRefusedLogin(error)) reject(authError(username, where, error))
        else reject(connectionError(where, error))
      })
      client.once('close', () => reject(refusal ?? connectionError(where, new Error('closed by the host'))))
      client.connect(config)
    }
    settle().catch(reject)
  })
}

/** Hosts refuse by an answer, or, after as many offers as they allow, by leaving (OpenSSH, auth.c, auth_maxtries_exceeded). */
function isRefusedLogin({ level, message }: Error & { readonly level?: string }): boolean {
  return level === 'client-authentication' || /too many authentication failures/i.test(message)
}

function authError(username: string, where: string, cause: Error): TvmNodeError {
  return new TvmNodeError(
    'ERR_SSH_AUTH',
    `${where} accepts no key or password of '${username}'; name the identity, load it into the agent, or add its public half to the host's authorized_keys`,
    { cause, details: { peer: where, username } },
  )
}
