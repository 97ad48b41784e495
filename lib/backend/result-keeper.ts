import { originOf } from '../results/origin.js'
import type { ResultRecord } from '../results/record.js'
import { ResultStore } from '../results/store.js'
import type { ArtifactMetadata } from '../session/artifact.js'
import type { BackendConfig } from './config.js'
import type { EvaluationResult } from './results.js'

/** Keeps the results of a training in a store. A store that fails costs its results and nothing else. */
export class ResultKeeper {
  private readonly opened: Promise<ResultStore | undefined>
  private readonly keeping = new Set<Promise<void>>()
  /** What the epochs of this training have in common. */
  private readonly run = new Date().toISOString()
  private ended = false

  constructor(
    path: string,
    private readonly config: BackendConfig,
  ) {
    this.opened = ResultStore.open(path).catch(warn)
  }

  /** @param metadata - Of the network that was prepared last; none where none ever was. */
  keep(result: EvaluationResult, metadata: ArtifactMetadata | undefined): void {
    // Most epochs are not due, which nobody looks up.
    if (this.ended || (result.status === 'skipped' && result.reason === 'not_due')) return
    const kept = this.add(result, metadata).catch(warn)
    this.keeping.add(kept)
    void kept.then(() => this.keeping.delete(kept))
  }

  private async add(result: EvaluationResult, metadata: ArtifactMetadata | undefined): Promise<void> {
    const { board, tuner } = this.config
    const store = await this.opened
    await store?.add({
      kind: 'evaluation',
      ...(metadata ? originOf(metadata) : { network: 'unknown', target: board.target }),
      run: this.run,
      board: board.name,
      tuner: tuner.name,
      stage: result.stage,
      epoch: result.epoch,
      ...outcome(result),
    })
  }

  /** Waits until everything is written. */
  async dispose(): Promise<void> {
    this.ended = true
    await Promise.all(this.keeping)
    await (await this.opened)?.dispose()
  }
}

function outcome(result: EvaluationResult): Pick<ResultRecord, 'status' | 'metrics' | 'details'> {
  if (result.status === 'measured') {
    const { metrics, outputs, profile, rebuilt, batches } = result
    return { status: 'ok', metrics, details: { outputs, profile, rebuilt, batches } }
  }
  if (result.status === 'skipped') return { status: 'skipped', details: { reason: result.reason } }
  const { phase, reason, code } = result
  return { status: 'failed', details: { error: { phase, message: reason, code } } }
}

function warn(error: unknown): undefined {
  process.emitWarning(error instanceof Error ? error : String(error))
}
