// What tuning costs its host: delay of the event loop and resident memory of the process that calls `tuneWorkloads`.
// With `--kernel tiny` the trials are of kernels that take no time to build.
// Usage: node --expose-gc bench/tune-host.mjs [--trials 300] [--kernel dense] [--json]
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { tuneWorkloads } from '#lib/tuning/tune.js'
import { describeMachine, digits, readArguments, report } from './support.mjs'

const { trials, kernel, json } = readArguments({ trials: 300, kernel: 'dense' })
const tiny = kernel === 'tiny'
const tensor = (...shape) => ['TENSOR', shape, 'float32']
const workload = tiny
  ? { task: 'bench.tiny', args: [tensor(16)] }
  : { task: 'dense_pack.x86', args: [tensor(16, 64), tensor(96, 64), null, 'float32'] }
const delay = monitorEventLoopDelay({ resolution: 1 })
const resident = []
let done = 0
const started = performance.now()
delay.enable()
await tuneWorkloads([workload], {
  ...(tiny && { templates: [fileURLToPath(new URL('tiny-template.mjs', import.meta.url))] }),
  tuner: {
    task_budget: trials,
    mode: tiny ? 'random' : 'xgb',
    runner: { number: 1, repeat: 1, min_repeat_ms: 0 },
  },
  onEvent: ({ type }) => {
    if (type !== 'trial' || ++done % 20 !== 0) return
    globalThis.gc?.()
    resident.push(process.memoryUsage.rss() / 1e6)
  },
})
delay.disable()
const half = resident.slice(Math.floor(resident.length / 2))
const perTrial = (half.at(-1) - half[0]) / Math.max(1, (half.length - 1) * 20)
const ms = (nanoseconds) => digits(nanoseconds / 1e6)
report(
  [
    {
      trials: done,
      trials_per_s: digits((1000 * done) / (performance.now() - started)),
      delay_p50_ms: ms(delay.percentile(50)),
      delay_p99_ms: ms(delay.percentile(99)),
      delay_max_ms: ms(delay.max),
      resident_MB: digits(resident.at(-1)),
      most_MB: digits(Math.max(...resident)),
      MB_per_1000_trials: digits(1000 * perTrial),
    },
  ],
  { json },
)
if (!json) console.log(`\nresolution of the monitor 1 ms; ${describeMachine()}`)
