// Cost of calls between JavaScript and the TVM library: median over rounds, with the spread from the 10th to the 90th percentile.
// Usage: node bench/packed-call.mjs [--json]
import {
  alignedTensor,
  getGlobalFunc,
  makeNode,
  NDArray,
  openLibrary,
  packed,
} from '../dist/runtime/index.js'

const ROUNDS = 30
const started = performance.now()
openLibrary()
getGlobalFunc('testing.nop')()
const openMs = performance.now() - started

const echo = getGlobalFunc('testing.echo')
const nop = getGlobalFunc('testing.nop')
const identity = packed((x) => x)
const node = makeNode('IntImm', { dtype: 'int32', value: 5, span: null })
const field = getGlobalFunc('node.NodeGetAttr')
const tensor = alignedTensor('float32', [1, 3, 224, 224])
const cases = [
  ['no argument', 200_000, () => nop()],
  ['one integer', 200_000, () => echo(7)],
  ['one string of 12 characters', 100_000, () => echo('float32 text')],
  ['one object, returned', 50_000, () => echo(node)],
  ['a field of an object', 100_000, () => field(node, 'value')],
  ['an array of 4 integers, returned', 20_000, () => echo([1, 2, 3, 4])],
  ['a JavaScript callback with one integer', 50_000, () => identity(7)],
  ['an array over 600 kB of JavaScript memory', 5_000, () => NDArray.from(tensor)],
]

const results = []
for (const [name, count, call] of cases) {
  const times = []
  for (let round = -3; round < ROUNDS; round++) {
    const begin = performance.now()
    for (let i = 0; i < count / ROUNDS; i++) call()
    if (round >= 0) times.push(((performance.now() - begin) * 1000) / (count / ROUNDS))
    // Lets the collector's finalizers run, which need the event loop.
    await new Promise((resolve) => setImmediate(resolve))
  }
  times.sort((a, b) => a - b)
  const at = (share) => Number(times[Math.floor(share * (times.length - 1))].toFixed(3))
  results.push({ call: name, median_us: at(0.5), p10_us: at(0.1), p90_us: at(0.9), rounds: ROUNDS })
}

if (process.argv.includes('--json')) {
  for (const result of results) console.log(JSON.stringify(result))
  console.log(JSON.stringify({ call: 'open the library and call once', ms: Number(openMs.toFixed(1)) }))
} else {
  console.table(results)
  console.log(`library open to first call: ${openMs.toFixed(0)} ms`)
}
