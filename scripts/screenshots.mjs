// Makes the pictures of docs/images: trains the example with its page open, tunes a network, and shows the report of both. Numbers
// are those of this machine. Needs Chromium (Debian: chromium).
//
// usage: npm run docs:screenshots
import { execFileSync, spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { launchBrowser } from './steps/browser.mjs'
import { root } from './steps/run.mjs'

const LARGEST = 150_000
const images = join(root, 'docs/images')
const folder = mkdtempSync(join(tmpdir(), 'tvm-node-screenshots-'))
const results = join(folder, 'results.db')
const main = join(root, 'dist/cli/main.js')
const cli = (...argv) =>
  execFileSync(process.execPath, [main, ...argv, '--quiet'], { cwd: folder, stdio: 'ignore' })

mkdirSync(images, { recursive: true })
const browser = await launchBrowser()
try {
  await training()
  await tuning()
} finally {
  await browser.close()
  rmSync(folder, { recursive: true })
}

/** The live page a while after the epoch that broke the network, as the training goes on. */
async function training() {
  const options = [
    '--epochs',
    '60',
    '--frequency',
    '1',
    '--hot-epoch',
    '6',
    '--steps',
    '30',
    '--results',
    results,
  ]
  const script = join(root, 'examples/training/train.mjs')
  const child = spawn(process.execPath, [script, ...options, '--plot', join(folder, 'drift.svg')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const page = await browser.newPage()
  for await (const line of createInterface(child.stdout)) {
    const url = /watch it: (\S+)/.exec(line)?.[1]
    if (url) await page.goto(url)
    if (/^ +12 .*int8/.test(line)) break
  }
  for (const [name, scheme, width, height] of [
    ['live-light', 'light', 1000, 800],
    ['live-dark', 'dark', 1000, 800],
    ['live-phone', 'light', 390, 844],
  ]) {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
    await page.setViewport({ width, height })
    await shoot(page, name)
  }
  await page.close()
  child.kill()
}

/** The plot of a search, and the report of all that was kept. */
async function tuning() {
  const model = join(folder, 'keywords.onnx')
  copyFileSync(join(root, 'test/fixtures/models/kws_dscnn/model.onnx'), model)
  const kept = ['--results', results]
  cli('compile', model, '-o', 'before.tvm')
  cli('profile', 'before.tvm', ...kept)
  cli('inspect', 'memory', 'before.tvm', ...kept)
  cli('inspect', 'operators', model, ...kept)
  cli('tune', model, '--task-budget', '8', '-o', 'tuned.tvm', '--plot', 'tuning.svg', ...kept)
  cli('profile', 'tuned.tvm', ...kept)
  cli('report', '-o', 'report.html', ...kept)
  const page = await browser.newPage()
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'light' }])
  await page.setContent(`<body style="margin:0">${readFileSync(join(folder, 'tuning.svg'), 'utf8')}</body>`)
  const { width, height } = await page.$eval('svg', (svg) => svg.getBoundingClientRect().toJSON())
  await page.setViewport({ width: Math.ceil(width), height: Math.ceil(height) })
  await shoot(page, 'tuning')
  await page.setViewport({ width: 1000, height: 1000 })
  await page.goto(`file://${join(folder, 'report.html')}`)
  for (const [name, title] of [
    ['report-training', 'Training'],
    ['report-operators', 'Operators of keywords'],
  ]) {
    await page.$$eval(
      'section',
      (sections, wanted) => {
        const named = sections.filter((each) => each.textContent.trim().startsWith(wanted))
        const telling = named.find((each) => each.querySelector('.bad')) ?? named[0]
        telling.scrollIntoView()
      },
      title,
    )
    await shoot(page, name)
  }
}

async function shoot(page, name) {
  await new Promise((resolve) => setTimeout(resolve, 500))
  const { length } = await page.screenshot({ path: join(images, `${name}.png`), optimizeForSpeed: false })
  console.log(`docs/images/${name}.png: ${Math.round(length / 1000)} kB`)
  if (length > LARGEST) throw new Error(`${name}.png is larger than ${LARGEST / 1000} kB`)
}
