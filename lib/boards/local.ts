import type { Limits } from '../limits.js'
import { runInEngine } from '../process/engine.js'
import type { LibraryReport } from '../process/library-task.js'
import { type ArtifactSource, load } from '../session/load.js'
import { ProcessSession } from '../session/process-session.js'
import type { LoadOptions, Session } from '../session/session.js'
import type { Availability, BoardAdapter } from './adapter.js'
import type { Board } from './board.js'
import { runHere } from './run-here.js'

/** This machine's own processor: nothing to lock or to connect to. */
export class LocalAdapter implements BoardAdapter {
  constructor(
    private readonly board: Pick<Board, 'setup' | 'teardown'>,
    private readonly how: Pick<LoadOptions, 'isolation' | 'threads'>,
  ) {}

  async available({ signal, timeoutMs }: Limits): Promise<Availability> {
    try {
      // In an engine, since a library that does not fit may end the process that opens it.
      ;(await runInEngine('library', {}, { signal, timeoutMs })) as LibraryReport
      return { available: true }
    } catch (error) {
      signal?.throwIfAborted()
      return { available: false, busy: false, reason: (error as Error).message }
    }
  }

  async setup(limits: Limits): Promise<void> {
    for (const command of this.board.setup) await runHere(command, limits)
  }

  async upload(artifact: ArtifactSource, limits: Limits, before: Session | undefined): Promise<Session> {
    if (!(before instanceof ProcessSession)) return load(artifact, { ...this.how, ...limits })
    await before.replace(typeof artifact === 'string' ? artifact : artifact.path, limits)
    return before
  }

  async teardown(limits: Limits): Promise<void> {
    for (const command of this.board.teardown) await runHere(command, limits)
  }
}
