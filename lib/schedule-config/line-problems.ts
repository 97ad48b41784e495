const MOST_TOLD = 5

/** Damaged lines of a file, for people: at most a few are spelled out. */
export class LineProblems {
  private readonly told: string[] = []
  private count = 0

  constructor(private readonly path: string) {}

  /** @param line - From 1 on. */
  add(line: number, why: string): void {
    this.count++
    if (this.told.length < MOST_TOLD) this.told.push(`${this.path}, line ${line}: ${why}`)
  }

  get all(): string[] {
    return this.count > this.told.length
      ? [...this.told, `${this.path}: ${this.count} damaged lines in all`]
      : [...this.told]
  }
}
