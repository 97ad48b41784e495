// Builds one model in a process of its own and prints what that took, as JSON.
// Usage: node own-build.mjs MODEL TARGET
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compile } from '#lib/compile/compile.js'

const [model, target] = process.argv.slice(2)
const dir = mkdtempSync(join(tmpdir(), 'tvm-node-bench-'))
const build = async (cache) => {
  const started = performance.now()
  const artifact = await compile(model, { target, cache })
  const seconds = (performance.now() - started) / 1000
  await artifact.dispose()
  return seconds
}
try {
  const cold = await build(false)
  const engine = children()[0]
  const peak_mb = Number(/VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${engine}/status`, 'utf8'))[1]) / 1024
  const before = cpuSeconds(engine)
  const seconds = await build(false)
  const cpu_seconds = cpuSeconds(engine) - before
  await build({ dir })
  const again = []
  for (let i = 0; i < 5; i++) again.push(await build({ dir }))
  const again_seconds = again.sort((a, b) => a - b)[2]
  console.log(JSON.stringify({ seconds, cpu_seconds, cold_seconds: cold, again_seconds, peak_mb }))
} finally {
  rmSync(dir, { recursive: true })
}
// Idle engines are not waited for.
process.exit(0)

function children() {
  return readdirSync('/proc/self/task').flatMap((task) =>
    readFileSync(`/proc/self/task/${task}/children`, 'utf8').trim().split(/\s+/).filter(Boolean),
  )
}

/** User and system time of a process and of the children it waited for (proc(5), stat). */
function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  const TICKS = 100
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS
}
