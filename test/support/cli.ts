import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The program itself. */
export const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

export interface CliResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** The lines of stdout as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it.
  readonly json: any[]
}

/** Runs `tvm-node` as a user's shell does. */
export function cli(args: readonly string[], options: { env?: NodeJS.ProcessEnv } = {}): Promise<CliResult> {
  return startCli(args, options).result
}

/** As `cli`, with the process at hand. */
export function startCli(
  args: readonly string[],
  { env = {} }: { env?: NodeJS.ProcessEnv } = {},
): { child: ChildProcess; result: Promise<CliResult> } {
  const child = spawn(process.execPath, [main, ...args], { env: { ...process.env, ...env } })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const result = new Promise<CliResult>((resolve) =>
    child.on('close', (code) =>
      resolve({
        code,
        stdout,
        stderr,
        get json() {
          return stdout
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line))
        },
      }),
    ),
  )
  return { child, result }
}
