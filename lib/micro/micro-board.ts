import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { TvmNodeError } from '../errors.js'
import type { LineDescription } from './line.js'
import type { Platform } from './platform.js'
import { findSerialPort, type SerialPort, type SerialPortQuery } from './serial-port.js'

/** A board without an operating system, as plain data: what its programs are built for, and how one is started. */
export interface MicroBoard {
  /** What it is called in errors. */
  readonly name: string
  readonly platform: Platform
  readonly start: SimulatorStart | ConnectedStart
}

export interface SimulatorStart {
  readonly kind: 'simulator'
  /** Runs the program `{image}` with the line to the host at its standard input and output. */
  readonly command: readonly string[]
}

/** A board at a serial port. In its commands `{image}` is the program, `{port}` and `{serial_number}` are those of the port. */
export interface ConnectedStart {
  readonly kind: 'connected'
  readonly port: SerialPortQuery
  readonly baud: number
  /** Writes a program into the board's flash. */
  readonly flash: readonly string[]
  /** Starts the program anew, where `flash` does not. */
  readonly reset?: readonly string[] | undefined
}

/**
 * Starts a program, and tells the line to it. A simulator starts as the line is opened.
 *
 * @throws `ERR_BOARD` where the port is not to be found or a command fails; the signal's reason
 */
export async function startProgram(
  { name, platform, start }: MicroBoard,
  image: string,
  signal?: AbortSignal,
): Promise<LineDescription> {
  if (start.kind === 'simulator')
    return {
      kind: 'program',
      command: filled(start.command, { image }),
      log: `${image}.log`,
      ...(platform.hooks?.epilogue && { grace: EPILOGUE }),
    }
  const port = findSerialPort(start.port)
  for (const command of [start.flash, start.reset ?? []])
    await perform(name, filled(command, wordsFor(port, image)), signal)
  const { path } = await returned(start.port, signal)
  return { kind: 'serial', path, baud: start.baud }
}

/** A board that was started anew may be away for a moment, and come back at another port. */
async function returned(query: SerialPortQuery, signal?: AbortSignal): Promise<SerialPort> {
  for (let waited = 0; ; waited += POLL) {
    try {
      return findSerialPort(query)
    } catch (error) {
      if (waited >= AWAY) throw error
      await sleep(POLL, undefined, { signal })
    }
  }
}
/** Seconds for a program's last statements. */
const EPILOGUE = 10

/** Milliseconds. */
const POLL = 100
const AWAY = 5000

function wordsFor({ path, serialNumber = '' }: SerialPort, image: string): Readonly<Record<string, string>> {
  return { image, port: path, serial_number: serialNumber }
}

function filled(command: readonly string[], words: Readonly<Record<string, string>>): string[] {
  return command.map((word) => word.replaceAll(/\{(\w+)\}/g, (all, name: string) => words[name] ?? all))
}

async function perform(board: string, words: readonly string[], signal?: AbortSignal): Promise<void> {
  const [command, ...args] = words
  if (command === undefined) return
  try {
    await promisify(execFile)(command, args, { timeout: LONGEST, ...(signal && { signal }) })
  } catch (cause) {
    signal?.throwIfAborted()
    const { stderr, message } = cause as Error & { stderr?: string }
    const said = stderr?.trim().split('\n').at(-1) || message
    throw new TvmNodeError('ERR_BOARD', `board '${board}': ${command} failed: ${said}`, {
      cause,
      details: { board, phase: 'upload', command: words, stderr },
    })
  }
}
/** Milliseconds for writing a program into flash. */
const LONGEST = 300_000
