import { isIP, type Server } from 'node:net'
import { TvmNodeError } from '../errors.js'

/** A host, by name or number, and a TCP port. */
export interface Address {
  readonly host: string
  readonly port: number
}

export const LOOPBACK = '127.0.0.1'
export const TRACKER_PORT = 9190
export const SERVER_PORT = 9090
/** Ports that are tried, the last one not among them, unless others are named. */
export const PORT_END = 9199

/** Reads `host:port`, `[v6]:port`, or a host alone. @throws `ERR_INVALID_ARGUMENT` */
export function parseAddress(text: string, defaultPort: number): Address {
  const [, v6, name, digits] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text) ?? []
  const host = v6 ?? name
  const port = digits === undefined ? defaultPort : Number(digits)
  if (host && port > 0 && port < 65536) return { host, port }
  throw new TvmNodeError('ERR_INVALID_ARGUMENT', `'${text}' is no address such as 192.168.1.5:${defaultPort}`)
}

export function formatAddress({ host, port }: Address): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`
}

/** Whether only this machine can reach the host. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host) || /^::ffff:127\./.test(host)
}

/** What someone who opens `what` to a network ought to know; undefined on loopback. */
export function exposureWarning(what: string, host: string): string | undefined {
  if (isLoopback(host)) return undefined
  return `the ${what} listens on ${host}: whoever reaches it can run any code as this user, since TVM's protocol has no authentication. Open it in networks that you trust, or listen on loopback and forward by SSH`
}

export interface ListenOptions {
  /** Default loopback. */
  readonly host?: string
  /** 0 for any free one. */
  readonly port: number
  /** The ports from `port` up to this one, without it, are tried; default none but `port`. */
  readonly portEnd?: number
}

/** Listens on the first free port. @throws `ERR_LISTEN` */
export async function listenFirst(
  server: Server,
  { host = LOOPBACK, port, portEnd = port + 1 }: ListenOptions,
): Promise<Address> {
  for (let candidate = port; ; candidate++) {
    try {
      await listen(server, host, candidate)
      const bound = server.address()
      return { host, port: typeof bound === 'object' && bound ? bound.port : candidate }
    } catch (error) {
      const cause = error as NodeJS.ErrnoException
      if (cause.code === 'EADDRINUSE' && port !== 0 && candidate + 1 < portEnd) continue
      const range = portEnd > port + 1 ? `a port from ${port} to ${portEnd - 1}` : `port ${port}`
      throw new TvmNodeError('ERR_LISTEN', `cannot listen on ${range} of ${host}: ${cause.message}`, {
        cause,
        details: { host, port, portEnd },
      })
    }
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
