import { isTvmNodeError, TvmNodeError } from '../errors.js'
import { EXPIRED } from './protocol.js'

/** What the library's client says, by code (TVM v0.18, src/runtime/rpc/rpc_endpoint.cc, rpc_socket_impl.cc). */
const meanings = [
  [/cannot find server that matches key|already have key/, 'ERR_SESSION_KEY'],
  [/is not TVM RPC server|protocol version|Expect code|unexpected|mismatched version/i, 'ERR_PROTOCOL'],
  [
    /Connect to .* failed|Socket |closed|Connection (reset|refused|timed out)|Broken pipe|reads? no data|recv|SockChannel|kShutdown|== RPCCode::|Check failed: \(?sock/i,
    'ERR_CONNECTION',
  ],
] as const

const REMOTE = /RPCError: Error caught from RPC call:\n?/

/** The package's error for one of the library's that a remote call ended with. */
export function remoteError(error: unknown, where: string): unknown {
  if (!isTvmNodeError(error, 'ERR_TVM')) return error
  const { message } = error
  const expired = message.indexOf(EXPIRED)
  if (expired >= 0) {
    const text = message.slice(expired + EXPIRED.length)
    return new TvmNodeError('ERR_SESSION_EXPIRED', `${where}: ${text}`, { cause: error })
  }
  const [, remote] = message.split(REMOTE)
  if (remote !== undefined) {
    return new TvmNodeError('ERR_REMOTE', `${where}: ${remote.trim() || 'a call failed without a word'}`, {
      cause: error,
    })
  }
  const [, code] = meanings.find(([pattern]) => pattern.test(message)) ?? []
  return new TvmNodeError(code ?? 'ERR_REMOTE', `${where}: ${message}`, { cause: error })
}
