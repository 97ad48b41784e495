import type { Board } from '../boards/board.js'
import type { BoardBuild } from '../boards/build-options.js'
import type { CompileOptions } from '../compile/compile.js'
import type { RequestedExecutor } from '../compile/task.js'
import type { Limits } from '../limits.js'
import type { ArtifactSource } from '../session/load.js'
import type { LoadOptions, Session } from '../session/session.js'

export interface PlaceOptions {
  readonly board?: string
  readonly tracker?: string
  readonly threads?: number
  readonly isolation?: 'thread' | 'process'
}

/** A loaded artifact, on this machine or on a board, with what must be given back afterwards. */
export interface Placed extends AsyncDisposable {
  readonly session: Session
  /** For people: "2 threads" or the board. */
  readonly where: string
}

/** Loads an artifact where the command line says. @throws the errors of `load`; `ERR_UNKNOWN_BOARD`, `ERR_BOARD`, `ERR_BOARD_BUSY` */
export async function place(
  artifact: ArtifactSource,
  options: PlaceOptions,
  limits: Limits,
): Promise<Placed> {
  const how: LoadOptions = {
    ...(options.isolation && { isolation: options.isolation }),
    ...(options.threads !== undefined && { threads: options.threads }),
  }
  if (options.board === undefined) {
    const { load } = await import('../session/load.js')
    const session = await load(artifact, { ...how, ...limits })
    const where = `${session.threads} thread${session.threads === 1 ? '' : 's'}`
    return { session, where, [Symbol.asyncDispose]: () => session.dispose() }
  }
  const { checkTarget } = await import('../boards/board-target.js')
  const { openBoard } = await import('../boards/open.js')
  const found = await boardBehind(options.board, options.tracker)
  const { terminalPrompt } = await import('./prompt.js')
  await checkTarget(found)
  const board = openBoard(found, { ...how, prompt: terminalPrompt() })
  try {
    const session = await board.upload(artifact, limits)
    return { session, where: `board ${found.name}`, [Symbol.asyncDispose]: () => board.close() }
  } catch (error) {
    await board.close().catch(() => undefined)
    throw error
  }
}

/**
 * An artifact of a file that is one, or else of a model, which is compiled for where it is to run. The result removes what it made
 * itself.
 *
 * @throws the errors of `compile`
 */
export async function artifactOf(
  path: string,
  options: PlaceOptions,
  limits: Limits,
  onProgress: CompileOptions['onProgress'],
): Promise<AsyncDisposable & { readonly path: string }> {
  const { isArtifact } = await import('../session/artifact.js')
  if (await isArtifact(path)) return { path, [Symbol.asyncDispose]: async () => undefined }
  const { compile } = await import('../compile/compile.js')
  const { board } = options
  const target = await buildOptions({ target: 'llvm -mcpu=native', ...(board !== undefined && { board }) })
  return compile(path, { ...target, ...limits, ...(onProgress && { onProgress }) })
}

/** A board, reached through a tracker if one is named. @throws `ERR_UNKNOWN_BOARD` */
export async function boardBehind(name: string, tracker: string | undefined): Promise<Board> {
  const { findBoard } = await import('../boards/find.js')
  const found = findBoard(name)
  return tracker ? { ...found, connector: 'rpc', tracker } : found
}

/** What a build is for: a board, which decides what runs its networks, or else a target. @throws `ERR_UNKNOWN_BOARD` */
export async function buildOptions(options: {
  readonly board?: string
  readonly target: string
  readonly executor?: RequestedExecutor
}): Promise<BoardBuild> {
  const { board, target, executor = 'auto' } = options
  if (board === undefined) return { target, executor }
  const { findBoard } = await import('../boards/find.js')
  const { buildFor } = await import('../boards/build-options.js')
  const { checkTarget } = await import('../boards/board-target.js')
  const found = findBoard(board)
  await checkTarget(found)
  const { executor: wanted = 'auto', ...rest } = buildFor(found)
  return { ...rest, executor: wanted === 'auto' ? executor : wanted }
}
