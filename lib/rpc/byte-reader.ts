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
  private late: NodeJS.Timeout | undefined
  private failure: TvmNodeError | undefined

  constructor(
    private readonly socket: Socket,
    /** Whom the socket is connected with, for messages. */
    private readonly peer: string,
    /** Milliseconds from the first byte of what is read, or from a text's length, to its last; default no end. */
    private readonly patienceMs?: number,
  ) {
    socket.on('readable', this.serve)
    socket.on('error', (cause) => this.end(`the connection with ${peer} failed: ${cause.message}`, cause))
    socket.on('close', () => this.end(`${peer} closed the connection`))
    socket.on('end', () => this.end(`${peer} closed the connection`))
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
    if (size === 0) return ''
    const bytes = this.read(size)
    if (this.waiting) this.hurry()
    return (await bytes).toString('utf8')
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
      this.settle()
      waiting.resolve(bytes)
    } else if (this.failure) {
      this.settle()
      waiting.reject(this.failure)
    } else if (this.socket.readableLength > 0) this.hurry()
  }

  private settle(): void {
    this.waiting = undefined
    clearTimeout(this.late)
    this.late = undefined
  }

  private hurry(): void {
    if (this.patienceMs === undefined) return
    const message = `${this.peer} did not send the rest of a message within ${this.patienceMs} ms`
    this.late ??= setTimeout(() => this.fail(new TvmNodeError('ERR_PROTOCOL', message)), this.patienceMs)
  }

  private end(message: string, cause?: Error): void {
    this.fail(new TvmNodeError('ERR_CONNECTION', message, { cause, details: { peer: this.peer } }))
  }

  private fail(failure: TvmNodeError): void {
    this.failure ??= failure
    this.serve()
  }
}
