import type { IncomingMessage } from 'node:http'
import { TvmNodeError } from '../errors.js'
import type { ServiceLimits } from './limits.js'

/** Reads bodies of requests, of which only so many bytes are held at once. */
export class BodyReader {
  private held = 0

  constructor(private readonly limits: Pick<ServiceLimits, 'bodyBytes' | 'heldBytes'>) {}

  /**
   * Reads a body, works with it, and lets go of it.
   *
   * @throws `ERR_TOO_LARGE`, `ERR_OVERLOADED`, `ERR_CONNECTION` when the client goes away; whatever `work` throws
   */
  async with<T>(request: IncomingMessage, work: (bytes: Buffer) => Promise<T>): Promise<T> {
    const { bodyBytes } = this.limits
    const told = Number(request.headers['content-length'] ?? 0)
    if (told > bodyBytes) throw tooLarge(bodyBytes)
    let taken = 0
    const take = (bytes: number) => {
      if (taken + bytes > bodyBytes) throw tooLarge(bodyBytes)
      this.reserve(bytes)
      taken += bytes
    }
    try {
      const pieces: Buffer[] = []
      for await (const piece of arriving(request)) {
        take(piece.length)
        pieces.push(piece)
      }
      return await work(pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces))
    } finally {
      this.held -= taken
    }
  }

  private reserve(bytes: number): void {
    if (this.held + bytes > this.limits.heldBytes) {
      throw new TvmNodeError('ERR_OVERLOADED', 'the service holds as many bytes of requests as it may', {
        details: { limit: 'heldBytes', most: this.limits.heldBytes },
      })
    }
    this.held += bytes
  }
}

/** The request stays open after a fault, so that it can be answered. */
async function* arriving(request: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    yield* request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
  } catch (cause) {
    throw new TvmNodeError('ERR_CONNECTION', 'the client went away before its request was whole', { cause })
  }
}

function tooLarge(most: number): TvmNodeError {
  return new TvmNodeError('ERR_TOO_LARGE', `the request has more than ${most} bytes`, {
    details: { limit: 'bodyBytes', most },
  })
}
