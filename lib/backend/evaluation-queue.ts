import type { SkipReason } from './results.js'

export interface QueuedJob {
  /** Jobs of a kind that wait give way to later ones of it. */
  readonly kind: string
  /** Whether it may give way. */
  readonly replaceable: boolean
  run(): Promise<void>
  skip(reason: SkipReason): void
}

/** Runs jobs one at a time, in order, the latest of each kind alone. */
export class EvaluationQueue {
  private waiting: QueuedJob[] = []
  private running: Promise<void> | undefined

  add(job: QueuedJob): void {
    const replaced = this.waiting.filter(({ kind, replaceable }) => replaceable && kind === job.kind)
    this.waiting = [...this.waiting.filter((each) => !replaced.includes(each)), job]
    for (const each of replaced) each.skip('superseded')
    this.running ??= this.work()
  }

  /** Takes a job that waits out again; false when it has begun. */
  remove(job: QueuedJob): boolean {
    const found = this.waiting.includes(job)
    this.waiting = this.waiting.filter((each) => each !== job)
    return found
  }

  clear(reason: SkipReason): void {
    for (const job of this.waiting.splice(0)) job.skip(reason)
  }

  /** Resolves when nothing waits or runs. */
  async idle(): Promise<void> {
    while (this.running) await this.running
  }

  private async work(): Promise<void> {
    // What is added in the same turn may still be replaced.
    await Promise.resolve()
    for (let job = this.waiting.shift(); job; job = this.waiting.shift()) await job.run()
    this.running = undefined
  }
}
