import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { TvmNodeError } from '../errors.js'
import { native } from '../native.js'

/** How a board is reached; plain data, since the line is opened in the process that waits on it. */
export type LineDescription =
  | {
      /** A program of this machine that has the line at its standard input and output: a simulator. */
      readonly kind: 'program'
      readonly command: readonly string[]
      /** A file for what it says on standard error. */
      readonly log: string
      /** Seconds to end by itself once the line is closed; default 0. */
      readonly grace?: number
    }
  | {
      /** A serial port of this machine, which no one else can open meanwhile. */
      readonly kind: 'serial'
      readonly path: string
      readonly baud: number
    }

/** A line to a board, of bytes both ways. */
export interface OpenLine {
  /** For `native.lineFunctions`. */
  readonly handle: object
  /** What the other end said of itself outside of the line. */
  readonly words: () => string
  /** Sends what waits and gives the line back. Safe to call twice. */
  readonly close: () => void
}

/** Milliseconds for the last bytes. */
const FLUSH = 1000

/** @throws `ERR_CONNECTION` */
export function openLine(description: LineDescription): OpenLine {
  if (description.kind === 'serial') {
    const { path, baud } = description
    return lineOver(native.lineSerial(path, baud))
  }
  const { command, log, grace = 0 } = description
  const [ours, theirs] = native.linePair()
  const child = startTied([String(grace), ...command], theirs, log)
  native.closeDescriptor(theirs)
  return lineOver(ours, {
    words: () => readFileSync(log, 'utf8').trim(),
    end: () => void child.stdio[TIE]?.destroy(),
  })
}

function lineOver(descriptor: number, { words = (): string => '', end = () => {} } = {}): OpenLine {
  const handle = native.lineOpen(descriptor)
  let isOpen = true
  return {
    handle,
    words,
    close: () => {
      if (!isOpen) return
      isOpen = false
      try {
        native.lineFlush(handle, FLUSH)
      } catch {
        // The other end is gone already.
      }
      native.lineClose(handle)
      end()
    },
  }
}

/** A descriptor that only this process holds the other end of. */
const TIE = 3
/** Ends the program when this process ends in whatever way: simulators go on when their input is closed. */
const TIED =
  'grace=$1; shift; exec 4<&0; "$@" <&4 4<&- 3<&- & exec 0</dev/null >/dev/null 2>&1 4<&-; p=$!; read _ <&3; { sleep $grace; kill -9 $p; } & wait $p; kill $!'

function startTied(args: readonly string[], line: number, log: string): ChildProcess {
  const words = openSync(log, 'w')
  try {
    const child = spawn('/bin/sh', ['-c', TIED, 'board', ...args], { stdio: [line, line, words, 'pipe'] })
    child.on('error', () => undefined)
    child.unref()
    return child
  } catch (cause) {
    throw new TvmNodeError('ERR_CONNECTION', `cannot start ${args[1]}: ${(cause as Error).message}`, {
      cause,
    })
  } finally {
    closeSync(words)
  }
}
