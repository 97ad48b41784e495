/**
 * The order in which CPython iterates over the union of two sets of small positive integers. Spaces that TVM's Python
 * enumerates through a set have that order, and their indices in records with it. Open addressing with linear probes of
 * nine and then perturbed jumps, as in CPython 3.8 to 3.13, Objects/setobject.c.
 */
export function unionInPythonOrder(a: readonly number[], b: readonly number[]): number[] {
  return IntegerSet.of(a).union(IntegerSet.of(b)).values()
}

const SMALLEST_TABLE = 8
const LINEAR_PROBES = 9
const PERTURB_SHIFT = 5
const EMPTY = -1

class IntegerSet {
  private slots = new Array<number>(SMALLEST_TABLE).fill(EMPTY)
  private used = 0

  static of(values: readonly number[]): IntegerSet {
    const set = new IntegerSet()
    for (const value of values) set.add(value)
    return set
  }

  values(): number[] {
    return this.slots.filter((value) => value !== EMPTY)
  }

  union(other: IntegerSet): IntegerSet {
    const copy = new IntegerSet()
    copy.merge(this)
    copy.merge(other)
    return copy
  }

  private get mask(): number {
    return this.slots.length - 1
  }

  private add(value: number): void {
    if (!this.insert(value)) return
    this.used++
    if (this.used * 5 >= this.mask * 3) this.resize(this.used * 4)
  }

  private merge(other: IntegerSet): void {
    const total = this.used + other.used
    if (total * 5 >= this.mask * 3) this.resize(total * 2)
    if (this.used === 0 && this.slots.length === other.slots.length) {
      this.slots = [...other.slots]
      this.used = other.used
      return
    }
    for (const value of other.values()) if (this.insert(value)) this.used++
  }

  /** Whether the value was not there before. */
  private insert(value: number): boolean {
    const { slots, mask } = this
    let at = value & mask
    let perturb = value
    for (;;) {
      const last = at + LINEAR_PROBES <= mask ? at + LINEAR_PROBES : at
      for (let slot = at; slot <= last; slot++) {
        if (slots[slot] === value) return false
        if (slots[slot] !== EMPTY) continue
        slots[slot] = value
        return true
      }
      perturb >>= PERTURB_SHIFT
      at = (at * 5 + 1 + perturb) & mask
    }
  }

  private resize(least: number): void {
    let size = SMALLEST_TABLE
    while (size <= least) size *= 2
    const values = this.values()
    this.slots = new Array<number>(size).fill(EMPTY)
    for (const value of values) this.insert(value)
  }
}
