import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The project's folder. */
export const root = fileURLToPath(new URL('../..', import.meta.url))

/** Runs a program in the project's folder, its output going to stderr. Ends this process where it fails. */
export function run(command, args, options = {}) {
  const { status, signal, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    ...options,
  })
  if (status === 0) return
  const reason =
    error?.code === 'ENOENT' ? 'it is not installed' : (error?.message ?? signal ?? `status ${status}`)
  console.error(`${[command, ...args].join(' ')}: ${reason}`)
  process.exit(1)
}

/** Runs a script of an installed package with this Node. */
export function runScript(path, args, options = {}) {
  run(process.execPath, [path, ...args], options)
}
