import type { ArtifactContents } from './artifact.js'

/** The member of an artifact for boards that holds its `ProgramMemory`. */
export const PROGRAM_MEMORY = 'memory.json'

/** Bytes that a network needs on a board without an operating system. */
export interface ProgramMemory {
  /** For intermediate results, planned in advance. */
  readonly workspace: number
  readonly constants: number
  /** Inputs and outputs. */
  readonly io: number
  /** What has most of it, largest first. */
  readonly largest: readonly MemoryShare[]
}

export interface MemoryShare {
  readonly kind: 'constant' | 'parameter' | 'operator' | 'input' | 'output'
  /** What it is called; for constants, type and shape. */
  readonly name: string
  /** For operators, inputs and outputs with what they work in. */
  readonly bytes: number
}

/** The memory of an artifact for boards; undefined for other artifacts. */
export function programMemory({ members }: ArtifactContents): ProgramMemory | undefined {
  const json = members[PROGRAM_MEMORY]
  return json && (JSON.parse(Buffer.from(json).toString('utf8')) as ProgramMemory)
}
