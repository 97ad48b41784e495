/** Lets so many pieces of work happen at once; the others wait in line. */
export class Gate {
  private active = 0
  private readonly waiting = new Set<() => void>()

  constructor(private limit: number) {}

  /** Another number from now on: what goes on goes on. */
  widen(limit: number): void {
    this.limit = limit
    this.admit()
  }

  /** @param signal - Ends the waiting, not the work. @throws the signal's reason */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    await this.enter(signal)
    try {
      return await work()
    } finally {
      this.active--
      this.admit()
    }
  }

  private async enter(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    if (this.active < this.limit) {
      this.active++
      return
    }
    await new Promise<void>((resolve, reject) => {
      const enter = () => {
        signal?.removeEventListener('abort', leave)
        resolve()
      }
      const leave = () => {
        this.waiting.delete(enter)
        reject(signal?.reason)
      }
      this.waiting.add(enter)
      signal?.addEventListener('abort', leave, { once: true })
    })
  }

  /** Whoever enters is counted here, so that no one comes between. */
  private admit(): void {
    for (const enter of this.waiting) {
      if (this.active >= this.limit) return
      this.waiting.delete(enter)
      this.active++
      enter()
    }
  }
}
