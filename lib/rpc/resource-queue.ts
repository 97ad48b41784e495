/** A place where one session can be had. */
export interface Resource<Owner> {
  readonly owner: Owner
  readonly host: string
  readonly port: number
  readonly matchKey: string
}

/** Someone who waits for a session. */
export interface Request<Owner> {
  readonly owner: Owner
  readonly priority: number
  /** Hands a resource over; false when the one who asked is gone. */
  readonly grant: (resource: Resource<Owner>) => boolean
}

/**
 * Free resources of one key and those who wait for them: the oldest resource goes to the request of the highest priority, the oldest
 * among equals. Requests and resources of a connection that ends go with it (TVM v0.18, python/tvm/rpc/tracker.py,
 * PriorityScheduler, keeps them).
 */
export class ResourceQueue<Owner> {
  private free: Resource<Owner>[] = []
  private waiting: Request<Owner>[] = []

  get counts(): { readonly free: number; readonly pending: number } {
    return { free: this.free.length, pending: this.waiting.length }
  }

  put(resource: Resource<Owner>): void {
    this.free.push(resource)
    this.match()
  }

  request(request: Request<Owner>): void {
    const behind = this.waiting.findIndex(({ priority }) => priority < request.priority)
    this.waiting.splice(behind < 0 ? this.waiting.length : behind, 0, request)
    this.match()
  }

  /** Match keys of an owner's resources that nobody was granted. */
  matchKeysOf(owner: Owner): string[] {
    return this.free.filter((resource) => resource.owner === owner).map(({ matchKey }) => matchKey)
  }

  /** Drops all that belongs to an owner. */
  remove(owner: Owner): void {
    this.free = this.free.filter((resource) => resource.owner !== owner)
    this.waiting = this.waiting.filter((request) => request.owner !== owner)
  }

  private match(): void {
    for (;;) {
      const [resource] = this.free
      const [request] = this.waiting
      if (!resource || !request) return
      this.waiting.shift()
      if (request.grant(resource)) this.free.shift()
    }
  }
}
