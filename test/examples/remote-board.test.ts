import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'

test('the example runs a network on a board and measures it there', () => {
  const script = 'examples/remote-board/remote-board.mjs'
  const output = execFileSync(process.execPath, [script], { encoding: 'utf8' })
  expect(output).toMatch(/: \[1,12\]$/m)
  expect(output).toMatch(/^latency on the board: \d+ us$/m)
  expect(output).toMatch(/^slowest operator: .*conv2d.* %$/m)
})
