import type { Socket } from 'node:net'
import { type ErrorCode, TvmNodeError } from '../errors.js'

/** The first descriptor in an engine of those that its host gives it: behind the standard ones and the channel. */
export const FIRST_GIVEN = 4

/** What an engine is asked to do: a task by name with plain data. */
export interface EngineRequest {
  readonly id: number
  readonly task: string
  readonly request: unknown
}

export type EngineReply =
  /** The first reply to each request: whatever ends the process from here on may be the request's doing. */
  | { readonly id: number; readonly type: 'accepted' }
  | { readonly id: number; readonly type: 'progress'; readonly event: ProgressEvent }
  | { readonly id: number; readonly type: 'result'; readonly result: unknown }
  | { readonly id: number; readonly type: 'error'; readonly error: PlainError }

/** A step of a long operation, for people to watch. */
export interface ProgressEvent {
  readonly type: 'phase'
  /** What begins now or goes on: `import`, `optimize`, `codegen`, `link`, `write` for a compilation. */
  readonly phase: string
  /** A step within the phase, for example the pass that runs. */
  readonly step?: string
  /** How far the whole operation is, from 0 to 1, where known. */
  readonly fraction?: number
}

/** What a task gets beside its request. */
export interface TaskContext {
  readonly progress: (event: ProgressEvent) => void
  /** The socket that came with the request. */
  readonly socket: Socket | undefined
}

/** A task module's one export: runs a request within the engine. */
export type Task = (request: never, context: TaskContext) => unknown

interface PlainError {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly code: string | undefined
  readonly details: Readonly<Record<string, unknown>>
  readonly cause: PlainError | undefined
}

/** An error as plain data; what is not an error becomes one. */
export function plainError(error: unknown, depth = 0): PlainError {
  const { name, message, stack, code, details, cause } = (
    error instanceof Error ? error : new Error(String(error))
  ) as Error & {
    code?: string
    details?: Record<string, unknown>
  }
  return {
    name,
    message,
    stack,
    code,
    details: cloneable(details ?? {}),
    cause: cause === undefined || depth > 4 ? undefined : plainError(cause, depth + 1),
  }
}

function cloneable(details: Record<string, unknown>): Record<string, unknown> {
  try {
    return structuredClone(details)
  } catch {
    return {}
  }
}

/** The error again on the other side, of the package's own class where it was one. */
export function revivedError(plain: PlainError): Error {
  const cause = plain.cause ? revivedError(plain.cause) : undefined
  const error =
    plain.name === 'TvmNodeError'
      ? new TvmNodeError(plain.code as ErrorCode, plain.message, { cause, details: plain.details })
      : Object.assign(new Error(plain.message, cause ? { cause } : undefined), { name: plain.name })
  if (plain.stack) error.stack = plain.stack
  return error
}
