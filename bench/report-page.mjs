// The report of a tuning with many records: how large its page is, how long it takes to make, and to open in a headless Chromium
// (Debian: chromium) until it is laid out.
//
// usage: node bench/report-page.mjs [--records 1000] [--operators 50] [--runs 5] [--json]
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { collect } from '#lib/report/collect.js'
import { reportPage } from '#lib/report/page.js'
import { ResultStore } from '#lib/results/store.js'
import { launchBrowser } from '../scripts/steps/browser.mjs'
import { digits, readArguments, report } from './support.mjs'

const options = readArguments({ records: 1000, operators: 50, runs: 5 })
const folder = await mkdtemp(join(tmpdir(), 'tvm-node-report-'))
try {
  const store = await ResultStore.open(join(folder, 'results.db'))
  const share = Math.ceil(options.records / options.operators)
  const tasks = Array.from({ length: options.operators }, (_, i) => ({
    info: { description: `conv2d_NCHWc (1, ${64 + i}, 56, 56) (${128 + i}, 64, 3, 3)`, weight: 1 + (i % 3) },
    gflops: Array.from({ length: share }, (_, trial) => 40 + 20 * Math.sin(trial * (i + 1)) + trial),
    defaultGflops: 40,
    bestGflops: 60 + share,
  }))
  const network = ['before', 'after'].map((when, i) => ({ when, label: when, latencyMs: 20 - 8 * i }))
  const metrics = { before_ms: 20, after_ms: 12, trials: options.records }
  await store.add({
    kind: 'tune',
    network: 'resnet50',
    tuner: 'autotvm',
    metrics,
    details: { tasks, network },
  })
  for (const scale of [2, 1]) {
    const profile = tasks.map((_, i) => ({
      name: `tvmgen_default_fused_nn_conv2d_add_nn_relu_${i}`,
      durationUs: scale * (i + 1),
    }))
    await store.add({ kind: 'profile', network: 'resnet50', target: 'llvm', details: { profile } })
  }
  const started = performance.now()
  const page = await reportPage(await collect(store))
  const made = performance.now() - started
  await store.dispose()
  const path = join(folder, 'report.html')
  await writeFile(path, page)

  const browser = await launchBrowser()
  const times = []
  for (let run = 0; run < options.runs; run++) {
    const tab = await browser.newPage()
    const from = performance.now()
    await tab.goto(`file://${path}`, { waitUntil: 'load' })
    await tab.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))))
    times.push(performance.now() - from)
    await tab.close()
  }
  await browser.close()
  times.sort((a, b) => a - b)
  report(
    [
      {
        records: options.records,
        operators: options.operators,
        kB: digits(Buffer.byteLength(page) / 1000),
        'made in ms': digits(made),
        'opens in ms': digits(times[Math.floor(times.length / 2)]),
        'at most': digits(times.at(-1)),
      },
    ],
    options,
  )
} finally {
  await rm(folder, { recursive: true, force: true })
}
