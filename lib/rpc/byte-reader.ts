import type { Socket } from 'node:net'
import { TvmNodeError } from '../errors.js'

interface Waiting {
  readonly size: number
  readonly resolve: (bytes: Buffer) => void
  readonly reject: (error: unknown) => void
}

/** Reads a socket by numbers of bytes, however they arrive. What is not asked for stays in the system's hands. */
export class ByteReader {
  private waiting: Waiting | undefined
  private failure: TvmNodeError | undefined

  constructor(
    private readonly socket: Socket,
    /** Whom the socket is connected with, for messages. */
    private readonly peer: string,
  ) {
    socket.on('readable', this.serve)
    socket.on('error', (cause) => this.fail(`the connection with ${peer} failed: ${cause.message}`, cause))
    socket.on('close', () => this.fail(`${peer} closed the connection`))
    socket.on('end', () => this.fail(`${peer} closed the connection`))
  }

  /** The next bytes. One read at a time. @throws `ERR_CONNECTION` when the connection ends before */
  read(size: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.waiting = { size, resolve, reject }
      this.serve()
    })
  }

  /** A little-endian 32-bit integer. */
  async word(): Promise<number> {
    return (await this.read(4)).readInt32LE()
  }

  /** A text with its length before it. @throws `ERR_PROTOCOL` when it is longer than `longest` bytes */
  async text(longest: number): Promise<string> {
    const size = await this.word()
    if (size < 0 || size > longest) {
      throw new TvmNodeError(
        'ERR_PROTOCOL',
        `${this.peer} announced a text of ${size} bytes; ${longest} are the most`,
      )
    }
    return size === 0 ? '' : (await this.read(size)).toString('utf8')
  }

  /** Stops reading; the socket is someone else's now. */
  release(): void {
    this.socket.off('readable', this.serve)
  }

  private readonly serve = (): void => {
    const { waiting } = this
    if (!waiting) return
    const bytes = this.socket.read(waiting.size) as Buffer | null
    if (bytes?.length === waiting.size) {
      this.waiting = undefined
      waiting.resolve(bytes)
    } else if (this.failure) {
      this.waiting = undefined
      waiting.reject(this.failure)
    }
  }

  private fail(message: string, cause?: Error): void {
    this.failure ??= new TvmNodeError('ERR_CONNECTION', message, { cause, details: { peer: this.peer } })
    this.serve()
  }
}
