import { errorCodes, isTvmNodeError, TvmNodeError } from '../errors.js'
import { EXIT } from './exit.js'

/** Tells of a failure: for people on stderr with what to do, for programs on stdout. Returns the exit code. */
export function reportFailure(error: unknown, json: boolean): number {
  if (isTvmNodeError(error) && isClosedPipe(error.cause)) return EXIT.closed
  const { code, message, details } = describe(error)
  if (json) process.stdout.write(`${JSON.stringify({ error: { code, message, details } })}\n`)
  if (code === 'ERR_INTERRUPTED') {
    process.stderr.write('interrupted\n')
    return EXIT.interrupted
  }
  process.stderr.write(`${code}: ${message}\n`)
  if (isTvmNodeError(error)) process.stderr.write(`  ${errorCodes[error.code].fix}\n`)
  else if (error instanceof Error && error.stack) process.stderr.write(`${error.stack}\n`)
  return code === 'ERR_USAGE' ? EXIT.usage : EXIT.failed
}

function describe(error: unknown): {
  code: string
  message: string
  details: Readonly<Record<string, unknown>>
} {
  if (isTvmNodeError(error)) return error
  return {
    code: 'ERR_INTERNAL',
    message: error instanceof Error ? error.message : String(error),
    details: {},
  }
}

/** What becomes of a command whose results cannot be written to stdout. */
export function outputFailed(cause: NodeJS.ErrnoException): TvmNodeError {
  return new TvmNodeError('ERR_WRITE_FAILED', `cannot write to stdout: ${cause.message}`, { cause })
}

/** Whoever read stdout needs no more, such as `head`. */
function isClosedPipe(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'EPIPE'
}

/** The reason of a signal that Ctrl-C or SIGTERM aborts. */
export function interrupted(): TvmNodeError {
  return new TvmNodeError('ERR_INTERRUPTED', 'interrupted')
}
