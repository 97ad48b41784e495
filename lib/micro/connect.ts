import { isTvmNodeError, TvmNodeError } from '../errors.js'
import { native } from '../native.js'
import { getGlobalFunc, type Module, type PackedFunc } from '../runtime/index.js'
import type { OpenLine } from './line.js'

/** Microseconds until the host asks a board again that gave no answer. */
const RETRY = 1_000_000
/** Microseconds for a board to answer at all; simulators need some time to start. */
const START = 20_000_000
/** Within a session, whoever waits for a call ends it: see `RemoteSession`. */
const NO_LIMIT = 0

/** Begins a micro session over a line, by the library's own client. @throws `ERR_CONNECTION` with what the board's end said */
export function connectBoard(line: OpenLine): Module {
  const [send, receive] = native.lineFunctions(line.handle) as [PackedFunc, PackedFunc]
  const connect = getGlobalFunc('micro._rpc_connect')
  try {
    return connect('board', send, receive, RETRY, START, NO_LIMIT, null, false) as Module
  } catch (error) {
    const words = line.words()
    const why =
      isTvmNodeError(error) && /Timeout/.test(error.message) ? 'it does not answer' : lastLine(error)
    throw new TvmNodeError('ERR_CONNECTION', `no session: ${why}${words ? `; it said: ${words}` : ''}`, {
      cause: error,
    })
  }
}

function lastLine(error: unknown): string {
  return (error as Error).message.trim().split('\n').at(-1) ?? ''
}
