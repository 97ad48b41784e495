import { SingleBar } from 'cli-progress'

/** Where a command shows how far it is: a bar on a terminal, a line a phase elsewhere, always on stderr. */
export interface Progress {
  /** Whether there is a bar, for which no update is too many. */
  readonly interactive: boolean
  /** @param fraction - From 0 to 1; without it the bar stays where it is. */
  update(label: string, fraction?: number): void
  /** Takes the bar away, so that results can be printed; the next update brings it back. */
  pause(): void
  /** Tells of something that the command went on without; also with `--quiet`. */
  warn(message: string): void
  /** Tells of something that happened to a command that runs on and on. */
  log(message: string): void
}

const warnOn = (stream: NodeJS.WriteStream) => (message: string) => {
  stream.write(`warning: ${message}\n`)
}

const logOn = (stream: NodeJS.WriteStream) => (message: string) => {
  stream.write(`${message}\n`)
}

export function createProgress(quiet: boolean, stream: NodeJS.WriteStream = process.stderr): Progress {
  if (quiet)
    return {
      interactive: false,
      update: () => {},
      pause: () => {},
      warn: warnOn(stream),
      log: () => {},
    }
  return stream.isTTY ? barProgress(stream) : lineProgress(stream)
}

function barProgress(stream: NodeJS.WriteStream): Progress {
  const bar = new SingleBar({
    stream,
    format: '{bar} {label}',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 30,
    hideCursor: true,
    clearOnComplete: true,
    gracefulExit: false,
  })
  let reached = 0
  return {
    interactive: true,
    update(label, fraction = reached) {
      reached = fraction
      if (bar.isActive) bar.update(fraction, { label })
      else bar.start(1, fraction, { label })
    },
    pause: () => bar.stop(),
    warn(message) {
      bar.stop()
      warnOn(stream)(message)
    },
    log(message) {
      bar.stop()
      logOn(stream)(message)
    },
  }
}

function lineProgress(stream: NodeJS.WriteStream): Progress {
  let last: string | undefined
  return {
    interactive: false,
    update(label) {
      if (label !== last) stream.write(`${label}\n`)
      last = label
    },
    pause() {},
    warn: warnOn(stream),
    log: logOn(stream),
  }
}
