import { type ErrorCode, isTvmNodeError } from '../errors.js'

/** HTTP's status of an error; what is missing here is the fault of what was asked for, 400. */
const statuses: Partial<Record<ErrorCode, number>> = {
  ERR_UNAUTHORIZED: 401,
  ERR_FORBIDDEN: 403,
  ERR_NOT_FOUND: 404,
  ERR_NO_RESULT: 404,
  ERR_BOARD_BUSY: 409,
  ERR_NOT_PREPARED: 409,
  ERR_DISPOSED: 410,
  ERR_TOO_LARGE: 413,
  ERR_NOT_AVAILABLE: 501,
  ERR_BOARD: 502,
  ERR_CONNECTION: 502,
  ERR_REMOTE: 502,
  ERR_PROTOCOL: 502,
  ERR_TIMEOUT: 504,
  ERR_ENGINE_CRASHED: 500,
  ERR_MEMORY_LIMIT: 507,
  ERR_TVM: 500,
  ERR_ADDON: 500,
  ERR_NO_BUNDLE: 500,
  ERR_LIBRARY_LOAD: 500,
  ERR_SHARED_MEMORY: 500,
  ERR_WRITE_FAILED: 500,
  ERR_RESULTS: 500,
  ERR_RESULTS_VERSION: 500,
}

/** Limits of a client's own things, which it can do something about: 429 rather than 503. */
const own = new Set(['waiting', 'backends'])

export interface ErrorReply {
  readonly status: number
  readonly error: {
    readonly code: string
    readonly message: string
    readonly details: Readonly<Record<string, unknown>>
  }
}

/** An error as a reply. What is no error of this package tells nothing of itself. */
export function errorReply(error: unknown): ErrorReply {
  if (!isTvmNodeError(error)) {
    return { status: 500, error: { code: 'ERR_INTERNAL', message: 'the service failed', details: {} } }
  }
  const { code, message, details } = error
  return { status: statusOf(code, details), error: { code, message, details } }
}

function statusOf(code: ErrorCode, details: Readonly<Record<string, unknown>>): number {
  if (code === 'ERR_OVERLOADED') return own.has(String(details.limit)) ? 429 : 503
  if (code === 'ERR_NOT_FOUND' && details.methods !== undefined) return 405
  return statuses[code] ?? 400
}
