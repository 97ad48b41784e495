import { createProgress, type Progress } from './progress.js'

/** What a command works with beside its arguments. */
export interface CommandContext {
  /** Aborted by Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal
  readonly progress: Progress
  /** Writes one result for people; nothing with `--json`. */
  print(text: string): void
  /** Writes one result for programs, an object a line; nothing without `--json`. */
  printJson(value: unknown): void
}

/** Options that every command has. */
export interface CommonOptions {
  readonly json?: boolean
  readonly quiet?: boolean
}

export function createContext(
  { json = false, quiet = false }: CommonOptions,
  signal: AbortSignal,
): CommandContext {
  const progress = createProgress(quiet)
  const write = (text: string) => {
    progress.pause()
    process.stdout.write(`${text}\n`)
  }
  return {
    signal,
    progress,
    print: (text) => json || write(text),
    printJson: (value) => json && write(JSON.stringify(value)),
  }
}
