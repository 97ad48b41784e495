/** Memory of a board: where it begins and how many bytes it has. */
export interface Region {
  readonly start: number
  readonly bytes: number
}

/** Statements of C before and after all sessions, and the headers that they need. */
export interface Hooks {
  /** Names of headers, as between the quotes of an `#include`, or with their brackets. */
  readonly includes: readonly string[]
  readonly prologue: string
  readonly epilogue: string
}

/** What a program for a board is built with and for; see docs/porting-a-board.md. */
export interface Platform {
  /** A folder of `native/board/ports`. */
  readonly port: string
  /** What the names of the compiler and its tools begin with, such as `arm-none-eabi-`; empty for this machine's own. */
  readonly compiler: string
  /** For compiler and linker. */
  readonly flags: readonly string[]
  /** For code and constants; undefined on systems that load programs themselves. */
  readonly flash?: Region | undefined
  /** For variables, then heap and stack. */
  readonly ram?: Region | undefined
  /** Bytes that networks may work in; undefined where only the RAM bounds them. */
  readonly workspaceBytes?: number | undefined
  /** C that the program has beside the runtime. */
  readonly hooks?: Hooks | undefined
  /** Bytes of stack where the program's linker script sets it. */
  readonly stackBytes?: number | undefined
}

/** Whether the clock of programs counts instructions, so that a count is the same each time. */
export function countsInstructions({ flags }: Platform): boolean {
  return flags.includes('-DBOARD_COUNTS_INSTRUCTIONS=1')
}
