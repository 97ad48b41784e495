import { z } from 'zod'

/** Bytes that something may be aligned to. */
export const alignmentSchema = z
  .int()
  .min(1)
  .max(4096)
  .refine((bytes) => Number.isInteger(Math.log2(bytes)), 'must be a power of two')

/** Bytes that a program's tensors are aligned to. */
export interface Alignment {
  readonly workspace: number
  readonly constants: number
}

/** What the largest elements need (double, int64). */
export const defaultAlignment: Alignment = { workspace: 8, constants: 8 }
