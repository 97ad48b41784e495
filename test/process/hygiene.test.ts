import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'

test('hosts that end in the middle of their work leave no process and no file, with the right exit code', () => {
  const args = ['scripts/soak/hygiene.mjs', '--rounds', '7', '--json']
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  expect(stderr).toContain('7 rounds from seed 1: 0 faults')
  expect(stdout.trim().split('\n')).toHaveLength(7)
  expect(status).toBe(0)
})
