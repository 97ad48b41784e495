import { execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { chromium, openBrowser } from '../support/browser.js'
import { scratchFolder } from '../support/scratch.js'

const folder = scratchFolder()
const run = (...args: string[]) => execFileSync(process.execPath, args, { encoding: 'utf8' })

test('the training example shows float32 and int8 beside the network in training, and draws the drift', () => {
  const plot = join(folder, 'drift.svg')
  const output = run(
    'examples/training/train.mjs',
    '--epochs',
    '5',
    '--steps',
    '30',
    '--frequency',
    '2',
    '--plot',
    plot,
  )
  const rows = output
    .split('\n')
    .filter((line) => /float32|int8/.test(line))
    .map((line) => line.trim().split(/\s{2,}/))
  expect(rows.map(([epoch, , , form]) => `${epoch} ${form}`)).toEqual([
    '0 float32',
    '0 int8',
    '2 float32',
    '2 int8',
    '4 float32',
    '4 int8',
  ])
  // The same arithmetic in another order for float32; 8 bits leave about 1 % of the signal.
  for (const [, , , form, mse, sqnr] of rows) {
    expect(Number(mse)).toBeLessThan(form === 'float32' ? 1e-8 : 0.2)
    expect(Number.parseFloat(sqnr as string)).toBeGreaterThan(form === 'float32' ? 80 : 20)
  }
  expect(rows[2]?.at(-2)).toBe('parameters')
  const svg = readFileSync(plot, 'utf8')
  expect(svg.match(/<circle/g)).toHaveLength(6)
  expect(svg).not.toMatch(/NaN|undefined|Infinity/)
})

test("a backend in a loop of one's own has a result for every epoch", () => {
  const lines = run('examples/training/embed.mjs').trim().split('\n').sort()
  expect(lines).toEqual([
    expect.stringMatching(/^epoch 0: (measured MSE|skipped superseded)/),
    'epoch 1: skipped not_due',
    expect.stringMatching(/^epoch 2: measured MSE/),
  ])
})

// Debian's chromium is what it takes: apt-get install chromium.
test.skipIf(!chromium)(
  'its page says within ten seconds which epoch broke the network, and which operator is slow',
  async () => {
    const browser = await openBrowser()
    const child = spawn(process.execPath, [
      'examples/training/train.mjs',
      ...['--epochs', '4', '--steps', '30', '--frequency', '1', '--hot-epoch', '2', '--stay'],
      ...['--plot', join(folder, 'live.svg')],
    ])
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += chunk
    })
    try {
      const printed = (what: RegExp) => expect.poll(() => output, { timeout: 30_000 }).toMatch(what)
      await printed(/watch it: \S+/)
      const page = await browser.newPage()
      await page.goto(/watch it: (\S+)/.exec(output)?.[1] as string)
      await printed(/^ +2 .*int8/m)
      const attention = () => page.$eval('#attention', (list) => list.textContent)
      await expect
        .poll(attention, { timeout: 10_000 })
        .toMatch(/int8: validation epoch 2 broke the deployed network: .*signal to noise is/)
      expect(await attention()).toMatch(/int8: the operator \S+ takes \d+ % of the time/)
      expect(await attention()).not.toMatch(/float32: validation/)
      await printed(/stays until Ctrl-C/)
    } finally {
      child.kill('SIGINT')
      await new Promise((resolve) => child.once('exit', resolve))
    }
  },
)
