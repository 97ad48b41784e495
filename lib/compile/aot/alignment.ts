/** Bytes that a program's tensors are aligned to. */
export interface Alignment {
  readonly workspace: number
  readonly constants: number
}

/** What the largest elements need (double, int64). */
export const defaultAlignment: Alignment = { workspace: 8, constants: 8 }
