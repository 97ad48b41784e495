import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** 256 bits. */
export function newToken(): string {
  return randomBytes(32).toString('base64url')
}

/** Says who may do anything at all: whoever has the token, in a header, or for reading in the cookie that browsers get. */
export class TokenGate {
  private readonly digest: Buffer

  constructor(
    token: string,
    /** Browsers share cookies among the ports of a host. */
    private readonly cookieName: string,
  ) {
    this.digest = digestOf(token)
  }

  isToken(given: string): boolean {
    // Digests are of one length, so that the time tells nothing.
    return timingSafeEqual(digestOf(given), this.digest)
  }

  /** @param reading - Whether the request changes nothing: a page elsewhere can make a browser send its cookie. */
  admits({ headers }: IncomingMessage, reading: boolean): boolean {
    const bearer = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1]
    if (bearer !== undefined) return this.isToken(bearer)
    const cookies = (headers.cookie ?? '').split(';').map((each) => each.trim())
    const own = cookies.find((each) => each.startsWith(`${this.cookieName}=`))
    return (
      reading &&
      own !== undefined &&
      isSameOrigin(headers) &&
      this.isToken(own.slice(this.cookieName.length + 1))
    )
  }

  /** The header that gives a browser its cookie; scripts cannot read it, and other sites cannot have it sent. */
  cookie(token: string): string {
    return `${this.cookieName}=${token}; HttpOnly; SameSite=Strict; Path=/`
  }
}

function isSameOrigin({ origin, host }: IncomingMessage['headers']): boolean {
  return origin === undefined || origin.replace(/^https?:\/\//, '') === host
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
