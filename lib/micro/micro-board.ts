import type { LineDescription } from './line.js'
import type { Platform } from './platform.js'

/** Stands in a simulator's command for the program's file. */
const IMAGE = '{image}'

/** A board without an operating system, as plain data: what its programs are built for, and how one is started. */
export interface MicroBoard {
  /** What it is called in errors. */
  readonly name: string
  readonly platform: Platform
  /** A command that runs the program `{image}` with the line to the host at its standard input and output. */
  readonly simulator: readonly string[]
}

/** The line to a board that runs a program, which starts as the line is opened. */
export function lineTo({ simulator }: MicroBoard, image: string): LineDescription {
  const command = simulator.map((word) => word.replaceAll(IMAGE, image))
  return { kind: 'program', command, log: `${image}.log` }
}
