// Asks one service for everything at once: clients with backends of their own and shared ones run, measure, evaluate, list and export,
// some read no events. No result may be lost, doubled or wrong; what is too much must be answered with 429 or 503; memory must not grow.
//
// usage: npm run soak:service -- [--clients 100] [--seconds 600] [--json]
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { readArguments, report } from '../../bench/support.mjs'
import { generator, pictures, SIZE } from '../../examples/training/data.mjs'
import { Network } from '../../examples/training/network.mjs'
import { exportFloat } from '../../examples/training/onnx.mjs'

const options = readArguments({ clients: 100, seconds: 600, shared: 4 })
const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const limits = ['--max-backends', `${options.shared + Math.ceil(options.clients / 10)}`, '--max-waiting', '8']
const service = spawn(
  process.execPath,
  ['--expose-gc', main, 'serve', '--port', '0', '--json', '--quiet', ...limits],
  {
    stdio: ['ignore', 'pipe', 'inherit'],
  },
)
const [line] = await once(service.stdout, 'data')
const { url, token } = JSON.parse(line)

const network = new Network()
const model = exportFloat(network)
const random = generator(5)
const bytes = ({ buffer, byteOffset, byteLength }) =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64')
const wire = (data, shape) => ({ dtype: 'float32', shape, data: bytes(data) })

const counts = { answers: 0, refused: 0, faults: 0, wrong: 0, epochs: 0, lost: 0, doubled: 0 }
const faults = new Map()

/** One request; undefined when the service had too much to do, null when the answer is a fault. */
async function ask(method, path, body, raw = false) {
  const named = `${method} ${path.replace(/[0-9a-f-]{36}/, '{id}')}`
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': raw ? 'application/octet-stream' : 'application/json',
  }
  const sent = { method, headers, ...(body !== undefined && { body: raw ? body : JSON.stringify(body) }) }
  try {
    const response = await fetch(url + path, sent)
    const text = await response.text()
    counts.answers++
    if (response.status === 429 || response.status === 503) {
      counts.refused++
      return undefined
    }
    if (response.ok)
      return response.headers.get('content-type') === 'application/json' ? JSON.parse(text) : text
    return fault(`${named}: ${response.status} ${text.slice(0, 200)}`)
  } catch (error) {
    return fault(`${named}: ${error.cause ?? error}`)
  }
}

function fault(what) {
  counts.faults++
  faults.set(what, (faults.get(what) ?? 0) + 1)
  return null
}

/** Until it is done, as a trainer has to. */
async function insist(...request) {
  for (;;) {
    const answer = await ask(...request)
    if (answer !== undefined) return answer
    await new Promise((resolve) => setTimeout(resolve, 50 + 200 * random()))
  }
}

const ends = performance.now() + 1000 * options.seconds
const going = () => performance.now() < ends
const create = async (more) => {
  const { id } = await insist('POST', '/v1/backends', {
    board: 'local_cpu',
    threads: 1,
    isolation: 'thread',
    ...more,
  })
  return `/v1/backends/${id}`
}
const shared = []
for (let i = 0; i < options.shared; i++) {
  const path = await create({ name: `shared ${i}` })
  await insist('POST', `${path}/prepare`, model, true)
  shared.push(path)
}

/** Runs pictures of its own and checks that the answer is theirs. */
async function runs() {
  const path = shared[Math.floor(random() * shared.length)]
  const count = 1 + Math.floor(4 * random())
  const { data } = pictures(count, random)
  const inputs = { picture: wire(data, [count, 1, SIZE, SIZE]) }
  const answer = await ask('POST', `${path}/run`, { inputs })
  if (!answer) return
  const expected = network.forward(data, count)
  const got = Buffer.from(answer.outputs.logits.data, 'base64')
  if (expected.some((value, i) => Math.abs(value - got.readFloatLE(4 * i)) > 1e-3)) counts.wrong++
}
async function measures() {
  const path = shared[Math.floor(random() * shared.length)]
  const { data } = pictures(1, random)
  await ask('POST', `${path}/profile`, { inputs: { picture: wire(data, [1, 1, SIZE, SIZE]) }, repeat: 2 })
}
const looks = [
  () => ask('GET', '/v1/backends'),
  () => ask('GET', '/v1/events?after=0'),
  () => ask('GET', '/v1/boards'),
  () => ask('GET', '/v1'),
  () => ask('GET', `${shared[0]}/artifact`),
  () => ask('POST', `${shared[0]}/run`, { inputs: {} }).then((answer) => answer === null && counts.faults--),
]

/** Trains: each epoch has to come to one result, also when the answer is lost and asked for again. */
async function trains() {
  const path = await create({ val_frequency: 2 })
  let epoch = 0
  for (; going(); epoch++) {
    await insist('POST', `${path}/validation/start?epoch=${epoch}`, epoch % 2 === 0 ? model : undefined, true)
    const { data } = pictures(2, random)
    const outputs = { logits: wire(network.forward(data, 2), [2, 10]) }
    const batch = { inputs: { picture: wire(data, [2, 1, SIZE, SIZE]) }, outputs }
    await insist('POST', `${path}/validation/batch?index=0`, batch)
    const times = random() < 0.3 ? 2 : 1
    for (let i = 0; i < times; i++) {
      const result = await insist('POST', `${path}/validation/end?epoch=${epoch}`)
      const wanted = epoch % 2 === 0 ? 'measured' : 'skipped'
      if (result?.epoch !== epoch || result.status !== wanted) counts.wrong++
    }
  }
  const { epochs } = await insist('GET', path)
  const numbers = epochs.map((each) => each.epoch)
  const kept = Math.min(epoch, 2000)
  counts.epochs += epoch
  counts.lost += kept - new Set(numbers).size
  counts.doubled += numbers.length - new Set(numbers).size
  await insist('DELETE', path)
}

async function asks() {
  while (going()) {
    const turn = random()
    if (turn < 0.7) await runs()
    else if (turn < 0.8) await measures()
    else await looks[Math.floor(random() * looks.length)]()
  }
}

/** Opens the events and never reads them. */
function deaf() {
  const { port } = new URL(url)
  const socket = connect(Number(port), '127.0.0.1').on('error', () => {})
  socket.pause()
  socket.write(
    `GET /v1/events HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\nauthorization: Bearer ${token}\r\n\r\n`,
  )
  return socket
}

const residentMb = () =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${service.pid}/status`, 'utf8'))[1]) / 1000
const memory = []
const sampler = setInterval(() => memory.push(residentMb()), 1000)
const sockets = Array.from({ length: 10 }, deaf)
const trainers = Math.ceil(options.clients / 10)
await Promise.all([
  ...Array.from({ length: trainers }, trains),
  ...Array.from({ length: options.clients - trainers }, asks),
])
clearInterval(sampler)
for (const socket of sockets) socket.destroy()
service.kill('SIGTERM')
await once(service, 'exit')

const third = Math.floor(memory.length / 3)
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
const [middle, last] = [median(memory.slice(third, 2 * third)), median(memory.slice(2 * third))]
for (const [fault, times] of faults) console.error(`${times} x ${fault}`)
report(
  [
    {
      clients: options.clients,
      seconds: options.seconds,
      ...counts,
      per_s: counts.answers / options.seconds,
      'MB, 2nd third': middle,
      'MB, last third': last,
    },
  ],
  options,
)
if (counts.faults + counts.wrong + counts.lost + counts.doubled > 0) process.exitCode = 1
