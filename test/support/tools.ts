import { spawnSync } from 'node:child_process'

/**
 * Whether a program is on PATH. Tests that need one say so in their name and are skipped without it, which `npm test`
 * lists and counts as a failure with CI=true.
 */
export function hasTool(name: string): boolean {
  return spawnSync(name, ['--version'], { stdio: 'ignore' }).error === undefined
}
