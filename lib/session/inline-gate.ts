const WINDOW = 3
/** What runs may take of one turn of the event loop, in microseconds. */
const TURN_BUDGET_US = 1000

/**
 * Decides whether a network's next run is so short that it runs on the JavaScript thread: the ways to another thread and back
 * take some 50 us, and holding up the event loop for as long as a small garbage collection does less harm.
 */
export class InlineGate {
  private readonly last: number[] = []
  private spentUs = 0

  /** @param belowUs - The longest run in microseconds that may hold up the event loop; 0 for none. */
  constructor(private readonly belowUs: number) {}

  /** Hears what a run took, wherever it ran. */
  record(durationUs: number): void {
    this.last.push(durationUs)
    if (this.last.length > WINDOW) this.last.shift()
  }

  /** Whether the shortest of the last runs was short enough: one that was interrupted counts for nothing. */
  get open(): boolean {
    return this.last.length === WINDOW && Math.min(...this.last) < this.belowUs
  }

  /** Whether the event loop must turn before the next run: else a chain of runs would keep timers and sockets waiting. */
  get spent(): boolean {
    return this.spentUs > TURN_BUDGET_US
  }

  /** Counts what a run took of this turn. */
  spend(durationUs: number): void {
    if (this.spentUs === 0) setImmediate(() => (this.spentUs = 0))
    this.spentUs += durationUs
  }
}
