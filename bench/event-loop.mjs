// Delay of the host's event loop while networks are compiled and run, in both isolations.
// Usage: node bench/event-loop.mjs [--seconds 5] [--json] [FOLDER...]
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { compile } from '#lib/compile/compile.js'
import { load } from '#lib/session/load.js'
import { sampleInputs } from '#lib/session/sample-inputs.js'
import { describeMachine, digits, modelFolders, readArguments, report } from './support.mjs'

const { seconds, json, positionals } = readArguments({ seconds: 5 })
const [{ name, model }] = modelFolders(positionals)
const rows = []

async function during(what, work) {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const end = performance.now() + seconds * 1000
  let rounds = 0
  do {
    await work()
    rounds++
  } while (performance.now() < end)
  delay.disable()
  const ms = (nanoseconds) => digits(nanoseconds / 1e6)
  rows.push({
    during: what,
    rounds,
    p50_ms: ms(delay.percentile(50)),
    p99_ms: ms(delay.percentile(99)),
    max_ms: ms(delay.max),
  })
}

await during('nothing', () => new Promise((resolve) => setTimeout(resolve, 10)))
await during(`compile ${name}`, async () => void (await (await compile(model)).dispose()))
const artifact = await compile(model)
for (const isolation of ['thread', 'process']) {
  await during(
    `load and dispose, ${isolation}`,
    async () => void (await (await load(artifact, { isolation })).dispose()),
  )
  const session = await load(artifact, { isolation })
  const inputs = sampleInputs(session.inputs)
  await during(`run, ${isolation}`, () => session.run(inputs))
  await session.dispose()
}
const session = await load(artifact)
const inputs = sampleInputs(session.inputs)
await during('compile and run at once', () =>
  Promise.all([
    compile(model).then((other) => other.dispose()),
    ...Array.from({ length: 20 }, () => session.run(inputs)),
  ]),
)
await session.dispose()
await artifact.dispose()
report(rows, { json })
if (!json) console.log(`\nresolution of the monitor 1 ms; ${describeMachine()}`)
