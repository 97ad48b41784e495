import { randomUUID } from 'node:crypto'
import type { TvmBackend } from '../backend/backend.js'
import type { Evaluation } from '../backend/evaluation.js'
import { TvmNodeError } from '../errors.js'
import type { EventHub } from './events.js'
import type { ServiceLimits } from './limits.js'
import { ServedBackend } from './served-backend.js'

/** Milliseconds between two looks for backends that nobody asks for. */
const SWEEP = 30_000

/** The backends of a service. */
export class Registry {
  private readonly backends = new Map<string, ServedBackend>()
  /** Being created. */
  private coming = 0
  private readonly sweeper: NodeJS.Timeout

  constructor(
    private readonly events: EventHub,
    private readonly limits: ServiceLimits,
  ) {
    this.sweeper = setInterval(() => this.sweep(), SWEEP).unref()
  }

  get all(): readonly ServedBackend[] {
    return [...this.backends.values()]
  }

  /** @throws `ERR_NOT_FOUND` */
  get(id = ''): ServedBackend {
    const found = this.backends.get(id)
    if (found) return found
    throw new TvmNodeError(
      'ERR_NOT_FOUND',
      `there is no backend '${id.slice(0, 100)}'; it may have been idle for too long`,
    )
  }

  /** @throws `ERR_OVERLOADED`, and as `make` */
  async create(
    make: () => Promise<{ readonly backend: TvmBackend; readonly evaluation: Evaluation }>,
    name: string | undefined,
  ): Promise<ServedBackend> {
    const most = this.limits.backends
    const created = this.all.filter(({ isOwn }) => isOwn).length
    if (created + this.coming >= most) {
      throw new TvmNodeError('ERR_OVERLOADED', `there are ${most} backends already; delete one`, {
        details: { limit: 'backends', most },
      })
    }
    this.coming++
    try {
      const { backend, evaluation } = await make()
      return this.add(backend, evaluation, name)
    } finally {
      this.coming--
    }
  }

  add(backend: TvmBackend, evaluation: Evaluation | undefined, name: string | undefined): ServedBackend {
    const id = randomUUID()
    const served = new ServedBackend({
      id,
      name: name ?? backend.config.board.name,
      backend,
      evaluation,
      limits: this.limits,
      publish: (event) => this.events.publish(id, event),
    })
    this.backends.set(id, served)
    this.events.publish(id, { type: 'created' })
    return served
  }

  async remove(served: ServedBackend): Promise<void> {
    if (!this.backends.delete(served.id)) return
    await served.dispose()
    this.events.publish(served.id, { type: 'deleted' })
  }

  async close(): Promise<void> {
    clearInterval(this.sweeper)
    await Promise.all(this.all.map((each) => this.remove(each)))
  }

  /** Removes the backends that were idle for too long. */
  sweep(): void {
    for (const each of this.all) {
      if (each.idleMs < this.limits.idleMinutes * 60_000) continue
      this.remove(each).catch((error: Error) => process.emitWarning(error))
    }
  }
}
