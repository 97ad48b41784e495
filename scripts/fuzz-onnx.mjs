// Damages models and gives them to the importer: bytes flipped, ends cut off, messages edited within their types. Each case must end
// with a value or an error that has a code, within 10 s and 2 GB.
//
// usage: npm run test:fuzz-onnx -- [--seed 1] [--count 1000]
// Models are those of the tests, small ones of ONNX_TEST_DATA too (onnx/backend/test/data of the PyPI package onnx).
import { fork } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '1000' },
    child: { type: 'boolean', default: false },
  },
})
const SECONDS = 10
const BYTES = 2e9
const PAGE = 4096
/** Larger models take their time to read and hold no other operators. */
const LARGEST_MODEL = 200_000

function* modelsBelow(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* modelsBelow(path)
    else if (entry.name === 'model.onnx' && statSync(path).size < LARGEST_MODEL) yield path
  }
}

/** Numbers from 0 to below 1 (mulberry32, Ettinger, 2017). */
function generator(seed) {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const numbersTried = [0, 1, -1, 2, 7, 16, 23, 99, 1e9, 2 ** 31 - 1, Number.NaN]
const longsTried = [
  0,
  1,
  -1,
  2,
  1000,
  2 ** 31 - 1,
  { low: -1, high: 2 ** 31 - 1, unsigned: false },
  { low: 0, high: -(2 ** 31), unsigned: false },
]
const namesTried = ['', 'Loop', 'If', 'Scan', 'Conv', 'Reshape', 'Cast', 'Resize', 'Einsum', 'x']

/** Every message and list within a message. */
function parts(value, found = [], depth = 0) {
  if (!value || typeof value !== 'object' || depth > 12 || value instanceof Uint8Array) return found
  found.push(value)
  for (const inner of Object.values(value)) {
    for (const each of Array.isArray(inner) ? inner : [inner]) parts(each, found, depth + 1)
  }
  return found
}

/** Changes a field of a message to another value of its type. */
function edit(message, names, { pick, below }) {
  const keys = Object.keys(message)
  if (keys.length === 0) return
  const key = pick(keys)
  const value = message[key]
  if (Array.isArray(value)) {
    if (value.length === 0) return
    const ways = [
      () => value.splice(below(value.length), 1),
      () => value.push(pick(value)),
      () => value.splice(0),
      () =>
        typeof value[0] === 'string' ? value.splice(below(value.length), 1, pick(names)) : value.reverse(),
    ]
    pick(ways)()
  } else if (typeof value === 'number') message[key] = pick(numbersTried)
  else if (typeof value === 'string') message[key] = pick([...namesTried, ...names.slice(0, 8)])
  else if (value instanceof Uint8Array) message[key] = value.subarray(0, below(value.length))
  else if (value && typeof value === 'object' && 'low' in value) message[key] = pick(longsTried)
}

function damaged(bytes, seed, protobuf) {
  const random = generator(seed)
  const below = (end) => Math.floor(random() * end)
  const pick = (list) => list[below(list.length)]
  const kind = below(4)
  if (kind === 0) {
    const changed = Uint8Array.from(bytes)
    for (let flips = 1 + below(8); flips > 0; flips--) changed[below(changed.length)] ^= 1 << below(8)
    return changed
  }
  if (kind === 1) return bytes.subarray(0, below(bytes.length))
  const model = protobuf.decode(bytes)
  const names = [...model.graph.node.flatMap(({ input, output }) => [...input, ...output]), '']
  for (let edits = 1 + below(4); edits > 0; edits--) edit(pick(parts(model)), names, { pick, below })
  return protobuf.encode(model).finish()
}

async function serve() {
  const { importModel, surveyModel } = await import('../dist/frontend/onnx/import.js')
  const { message } = await import('../dist/frontend/onnx/schema.js')
  const protobuf = message('ModelProto')
  const fixtures = fileURLToPath(new URL('../test/fixtures/models', import.meta.url))
  const given = process.env.ONNX_TEST_DATA
  const models = [...modelsBelow(fixtures), ...(given ? modelsBelow(given) : [])].sort()
  process.on('message', (seed) => {
    const started = performance.now()
    let outcome = 'imported'
    let finding
    try {
      const bytes = damaged(readFileSync(models[seed % models.length]), seed, protobuf)
      try {
        importModel(bytes)
      } catch (error) {
        outcome = error.code ?? error.name
        if (error.name !== 'TvmNodeError' || error.code === 'ERR_TVM') finding = error.stack.slice(0, 800)
        // What cannot be imported is looked through to its end as well.
        else if (/^ERR_(INVALID|UNSUPPORTED|DYNAMIC)/.test(outcome)) surveyModel(bytes)
      }
    } catch (error) {
      // An edit may leave a message that cannot be written.
      if (error.name === 'TvmNodeError') outcome = error.code
      else if (/encode|invalid encoding|not a/.test(error.stack.split('\n')[1] ?? ''))
        outcome = 'not encodable'
      else finding = `while looking through it: ${error.stack.slice(0, 800)}`
    }
    process.send({ outcome, finding, ms: performance.now() - started, bytes: process.memoryUsage().rss })
  })
  process.send({ ready: true })
}

function residentBytes(pid) {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE
  } catch {
    return 0
  }
}

/** Gives the cases to a child, one after the other; a child that ends or is ended is a finding. */
async function watch(first, count) {
  const tally = {}
  const findings = []
  let [slowest, most] = [0, 0]
  let child
  const start = () => {
    child = fork(fileURLToPath(import.meta.url), ['--child'], {
      execArgv: ['--stack-size=4000'],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    return new Promise((resolve) => child.once('message', resolve))
  }
  const attempt = (seed) =>
    new Promise((resolve) => {
      let why
      const end = (reason) => {
        why = reason
        child.kill('SIGKILL')
      }
      const late = setTimeout(() => end(`longer than ${SECONDS} s`), SECONDS * 1000)
      const look = setInterval(() => residentBytes(child.pid) > BYTES && end('more than 2 GB'), 100)
      const done = (result) => {
        clearTimeout(late)
        clearInterval(look)
        child.removeAllListeners()
        resolve(result)
      }
      child.once('message', done)
      child.once('exit', (code, signal) =>
        done({
          outcome: 'ended',
          finding: why ?? `crash: status ${code}, signal ${signal}`,
          ms: 0,
          bytes: 0,
          dead: true,
        }),
      )
      child.send(seed)
    })
  await start()
  for (let seed = first; seed < first + count; seed++) {
    const { outcome, finding, ms, bytes, dead } = await attempt(seed)
    tally[outcome] = (tally[outcome] ?? 0) + 1
    slowest = Math.max(slowest, ms)
    most = Math.max(most, bytes)
    if (finding) findings.push({ seed, finding })
    if (finding) console.log(`seed ${seed}: ${finding}`)
    if (dead) await start()
    if (seed % 100 === 0) process.stderr.write(`\r${seed - first} of ${count}`)
  }
  child.kill()
  process.stderr.write('\n')
  console.log(JSON.stringify(tally))
  console.log(`slowest ${(slowest / 1000).toFixed(1)} s, most memory ${(most / 1e9).toFixed(2)} GB`)
  console.log(`${count} cases from seed ${first}: ${findings.length} findings`)
  process.exitCode = findings.length > 0 ? 1 : 0
}

if (values.child) await serve()
else await watch(Number(values.seed), Number(values.count))
