import { TvmNodeError } from '../errors.js'
import type { MemoryShare, ProgramMemory } from '../session/program-memory.js'
import type { Platform } from './platform.js'

/** Bytes that a program has at least beside its network: the board runtime's code and variables. */
const RUNTIME = { flash: 12_000, ram: 11_000 }
/** Shares that a message names. */
const NAMED = 3

export type MemoryKind = 'flash' | 'ram' | 'workspace'

/**
 * Fails where a network cannot fit a board, before anything is built. How large its code is only the build tells.
 *
 * @throws `ERR_BOARD_MEMORY`
 */
export function checkMemory(memory: ProgramMemory, platform: Platform): void {
  const { flash, ram, stackBytes = 0, workspaceBytes = Number.POSITIVE_INFINITY } = platform
  if (memory.workspace > workspaceBytes)
    throw tooLarge('workspace', memory.workspace - workspaceBytes, memory)
  const needs = { flash: RUNTIME.flash + memory.constants, ram: ramOf(memory) + RUNTIME.ram + stackBytes }
  for (const [kind, region] of [
    ['flash', flash],
    ['ram', ram],
  ] as const) {
    if (region && needs[kind] > region.bytes) throw tooLarge(kind, needs[kind] - region.bytes, memory)
  }
}

function ramOf({ workspace, io }: ProgramMemory): number {
  return workspace + io
}

/** The error for a program that needs so many bytes more than there are; it tells what of the network has most. */
export function tooLarge(
  kind: MemoryKind,
  bytes: number,
  memory: ProgramMemory | undefined,
  cause?: unknown,
): TvmNodeError {
  const name = { ram: 'RAM', flash: 'flash', workspace: 'workspace (micro.aot.workspace_bytes)' }[kind]
  const shares = sharesOf(memory, kind)
  const largest = shares.slice(0, NAMED).map((share) => `${describe(share)} ${share.bytes}`)
  const most = largest.length > 0 ? `; most of it have ${largest.join(', ')}` : ''
  const sums =
    memory &&
    ` (constants ${memory.constants}, workspace ${memory.workspace}, inputs and outputs ${memory.io})`
  return new TvmNodeError(
    'ERR_BOARD_MEMORY',
    `the network needs ${bytes} bytes more of ${name} than the board has${sums ?? ''}${most}`,
    { cause, details: { kind, bytes, memory, largest: shares } },
  )
}

function sharesOf(memory: ProgramMemory | undefined, kind: MemoryKind): readonly MemoryShare[] {
  return memory?.largest.filter((share) => (share.kind === 'constant') === (kind === 'flash')) ?? []
}

function describe({ kind, name }: MemoryShare): string {
  return kind === 'operator' ? `tensors of ${name}` : `${kind} ${name}`
}
