// Processes write to one file of results at once, half of them are killed in the middle; then the file is read.
// usage: node bench/results-store.mjs [--processes 8] [--records 10000] [--json]
import { fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ResultStore } from '#lib/results/store.js'
import { summarize } from '#lib/statistics.js'
import { describeMachine, digits, readArguments, report } from './support.mjs'

const AT_ONCE = 50
const { processes, records, writer, json } = readArguments({ processes: 8, records: 10_000, writer: '' })

if (writer) {
  const store = await ResultStore.open(writer)
  const run = `writer ${process.pid}`
  const record = (epoch) => ({
    kind: 'evaluation',
    network: `network ${epoch % 7}`,
    run,
    epoch,
    metrics: { mse: epoch, latency_us: 1 },
    details: { profile: [{ name: 'conv', durationUs: 1 }] },
  })
  for (let kept = 0; kept < records; kept += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => store.add(record(kept + i))))
    process.send(kept + AT_ONCE)
  }
  await store.dispose()
  process.disconnect()
} else {
  const folder = mkdtempSync(join(tmpdir(), 'results-bench-'))
  const path = join(folder, 'results.db')
  await (await ResultStore.open(path)).dispose()
  const started = performance.now()
  const writers = await Promise.all(Array.from({ length: processes }, (_, i) => write(path, i % 2 === 1)))
  const seconds = (performance.now() - started) / 1000
  const store = await ResultStore.open(path)
  let [lost, doubled] = [0, 0]
  for (const { pid, acknowledged } of writers) {
    const kept = await store.list({ run: `writer ${pid}`, limit: records })
    lost += Math.max(0, acknowledged - kept.length)
    doubled += kept.length - new Set(kept.map(({ epoch }) => epoch)).size
  }
  const total = await store.count()
  const listing = await timed(() => store.list())
  const filtered = await timed(() => store.list({ network: 'network 3', kind: 'evaluation', limit: 100 }))
  report(
    [
      {
        kept: total,
        per_s: Math.round(total / seconds),
        lost,
        doubled,
        list_ms: listing,
        filtered_ms: filtered,
      },
    ],
    {
      json,
    },
  )
  if (!json) console.log(`\n${processes} processes, half of them killed; ${describeMachine()}`)
  await store.dispose()
  rmSync(folder, { recursive: true, force: true })
}

function write(path, killed) {
  return new Promise((resolve, reject) => {
    const argv = ['--writer', path, '--records', String(records)]
    const child = fork(fileURLToPath(import.meta.url), argv)
    let acknowledged = 0
    child.on('message', (count) => {
      acknowledged = count
      if (killed && count >= records / 2) child.kill('SIGKILL')
    })
    child.on('error', reject)
    child.on('exit', () => resolve({ pid: child.pid, acknowledged }))
  })
}

/** Median of 20, in milliseconds. */
async function timed(work) {
  const times = []
  for (let i = 0; i < 20; i++) {
    const before = performance.now()
    await work()
    times.push(performance.now() - before)
  }
  return digits(summarize(times).median)
}
