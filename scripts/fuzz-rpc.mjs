// Sends random and mutated frames to a tracker and to a server of this package, each a process of its own. Neither may end, grow, or
// give a session to who has no key for it; afterwards both must serve as before. Every frame follows from the seed.
//
// usage: npm run test:fuzz-rpc -- [--frames 1000000] [--seed NUMBER] [--connections 32] [--sessions 40] [--json]
//   --frames    half of them for the tracker, half for the server's greeting
//   --sessions  so many further sessions, had with a right key, are fed with random packets
import { connect } from 'node:net'
import { readArguments, report } from '../bench/support.mjs'
import { messageFrame, SERVER_MAGIC, TRACKER_MAGIC, textFrame, word } from '../dist/rpc/protocol.js'
import { requestSession } from '../dist/rpc/request-session.js'
import { TrackerClient } from '../dist/rpc/tracker-client.js'
import { endService, holdings, startService, until } from './soak/services.mjs'

const options = readArguments({
  frames: 1_000_000,
  seed: Math.floor(Math.random() * 2 ** 31),
  connections: 32,
  sessions: 40,
})
const KEY = 'fuzz'
/** Kilobytes by which a process may grow without a leak: heaps of Node breathe. */
const BREATH_KB = 15_000
/** Milliseconds to wait for an answer that may never come. */
const SILENCE = 10
const PACKETS = 20

/** Numbers from 0 up to `below`, the same ones for a seed (xorshift32, Marsaglia 2003). */
function generator(seed) {
  let state = seed | 0 || 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}
const pick = (random, list) => list[random(list.length)]
const bytes = (random, most) => Buffer.from(Array.from({ length: random(most) }, () => random(256)))

/** Changes, removes, repeats or adds bytes. */
function mutate(random, original) {
  let result = Buffer.from(original)
  for (let changes = 1 + random(4); changes > 0; changes--) {
    const at = random(result.length + 1)
    const [before, after] = [result.subarray(0, at), result.subarray(at)]
    const count = random(8)
    result = pick(random, [
      () => Buffer.concat([before, Buffer.of(random(256)), after.subarray(1)]),
      () => Buffer.concat([before, after.subarray(count)]),
      () => Buffer.concat([before, after.subarray(0, count), after]),
      () => Buffer.concat([before, bytes(random, 8), after]),
    ])()
  }
  return result
}

const oddValues = [null, true, -1, 0, 1e308, 65536, 2 ** 53, '', '__proto__', 'x'.repeat(300), [], {}, [[[]]]]
const lengths = [-1, -(2 ** 31), 2 ** 31 - 1, 65_537, 65_536, 0, 1]

/** A frame of the tracker's protocol, or nearly. */
function trackerFrame(random) {
  const name = `${KEY}${random(500)}`
  const message = pick(random, [
    [1],
    [2, 'stop'],
    [3, name, [1 + random(65_535), `${name}:${random(1e9)}`], null],
    [3, name, [1 + random(65_535), `${name}:${random(1e9)}`], '10.0.0.1'],
    [4, name, '', random(5)],
    [5, { key: `server:${name}`, addr: [null, 1 + random(65_535)] }],
    [6],
    [7],
  ])
  switch (random(10)) {
    case 0:
      return bytes(random, 64)
    case 1:
      return Buffer.concat([word(pick(random, lengths)), bytes(random, 64)])
    case 2:
      return mutate(random, messageFrame(message))
    case 3:
    case 4: {
      message[random(message.length)] = pick(random, oddValues)
      return messageFrame(message)
    }
    case 5:
    case 6:
      return textFrame(mutate(random, Buffer.from(JSON.stringify(message))).toString('latin1'))
    default:
      return messageFrame(message)
  }
}

/** What a client sends first, or nearly; never with a right key. */
function greeting(random, near) {
  const key = pick(random, [
    KEY,
    '',
    near.slice(0, -1),
    `${near}0`,
    mutate(random, Buffer.from(near)).toString('latin1'),
  ])
  if (key === near) return greeting(random, near)
  const whole = Buffer.concat([
    word(SERVER_MAGIC),
    textFrame(`client:${key}${pick(random, ['', ' -timeout=1', ' '])}`),
  ])
  switch (random(6)) {
    case 0:
      return bytes(random, 64)
    case 1:
      return Buffer.concat([word(SERVER_MAGIC), word(pick(random, lengths)), bytes(random, 64)])
    case 2:
      return mutate(random, whole)
    default:
      return whole
  }
}

/** A packet to a session, or nearly: its length, a code and a body. */
function packet(random) {
  const body = Buffer.concat([word(random(24)), bytes(random, 200)])
  const size = Buffer.alloc(8)
  size.writeBigUInt64LE(BigInt(pick(random, [body.length, body.length, body.length, 0, 4, 2 ** 31, 2 ** 40])))
  return Buffer.concat([size, random(4) === 0 ? mutate(random, body) : body])
}

/** A connection that tells, for what was sent, whether an answer came, it was closed, or nothing came for a while. */
async function open(address) {
  const socket = connect({ ...address, noDelay: true })
  socket.on('error', () => {})
  let notify = () => {}
  let answer
  socket.on('data', (data) => {
    answer = data
    notify()
  })
  socket.on('close', () => notify())
  return {
    get closed() {
      return socket.destroyed || !socket.writable
    },
    async send(data) {
      answer = undefined
      socket.write(data)
      await new Promise((resolve) => {
        const late = setTimeout(resolve, SILENCE)
        notify = () => {
          clearTimeout(late)
          resolve()
        }
        if (socket.destroyed) notify()
      })
      return answer
    },
    /** Closes it once all was sent. */
    async end() {
      if (socket.destroyed) return
      const closed = new Promise((resolve) => socket.once('close', resolve))
      socket.end()
      await closed
    },
  }
}

async function fuzzTracker(random, address, count) {
  let sent = 0
  while (sent < count) {
    const connection = await open(address)
    await connection.send(random(50) === 0 ? bytes(random, 8) : word(TRACKER_MAGIC))
    for (let i = 0; i < 200 && sent < count && !connection.closed; i++) {
      const answer = await connection.send(trackerFrame(random))
      sent++
      // A request that waits, or a frame that is not whole: what is sent next would not be a frame of its own.
      if (!answer) break
    }
    await connection.end()
  }
  return sent
}

async function fuzzServer(random, address, count, near) {
  for (let sent = 0; sent < count; sent++) {
    const connection = await open(address)
    const answer = await connection.send(greeting(random, near))
    if (answer?.length >= 4 && answer.readInt32LE() === SERVER_MAGIC)
      throw new Error('a session without a key')
    await connection.end()
  }
  return count
}

/** Does so much on several connections at once, with samples of memory on the way. */
async function inTurns(service, total, work) {
  const samples = []
  const slices = 40
  for (let slice = 0; slice < slices; slice++) {
    const share = Math.ceil(total / slices / options.connections)
    await Promise.all(Array.from({ length: options.connections }, (_, i) => work(slice * 1000 + i, share)))
    samples.push(holdings(service.pid))
    console.error(
      `${service.name}: ${(slice + 1) * share * options.connections} frames, ${samples.at(-1).memory_kb} kB`,
    )
  }
  const frames = slices * options.connections * Math.ceil(total / slices / options.connections)
  // What heaps grow to at first is no leak.
  const median = (list) => list.map(({ memory_kb }) => memory_kb).sort((a, b) => a - b)[list.length >> 1]
  const [before, after] = [median(samples.slice(10, 20)), median(samples.slice(30))]
  const { child } = service
  if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the ${service.name} ended`)
  return { what: service.name, frames, seed: options.seed, memory_kb: after, growth_kb: after - before }
}

const services = []
async function start(name, ...args) {
  const service = { ...(await startService(args)), name }
  services.push(service)
  return service
}

/** Waits for a session of the key. */
async function ask(tracker, key) {
  const client = await TrackerClient.connect(tracker)
  try {
    return await client.request(key, 1, { timeoutMs: 60_000 })
  } finally {
    client.close()
  }
}

try {
  console.error(`seed ${options.seed}`)
  const half = Math.ceil(options.frames / 2)
  const seeded = (stream) => generator(options.seed * 65_537 + stream)
  const rows = []

  const fuzzed = await start('tracker', 'tracker', '--port', '0')
  rows.push(
    await inTurns(fuzzed, half, (stream, count) => fuzzTracker(seeded(stream), fuzzed.address, count)),
  )
  const offering = await TrackerClient.connect(fuzzed.address)
  await offering.put('after', 7000, 'after:1')
  const { matchKey: after } = await ask(fuzzed.address, 'after')
  if (after !== 'after:1') throw new Error('the tracker gave something else')
  offering.close()

  const tracker = await start('other tracker', 'tracker', '--port', '0')
  const where = `${tracker.address.host}:${tracker.address.port}`
  const server = await start('server', 'server', '--port', '0', '--key', KEY, '--tracker', where)
  const { matchKey: near } = await ask(tracker.address, KEY)
  rows.push(
    await inTurns(server, half, (stream, count) =>
      fuzzServer(seeded(100_000 + stream), server.address, count, near),
    ),
  )

  const random = seeded(200_000)
  let packets = 0
  for (let i = 0; i < options.sessions; i++) {
    const { matchKey } = await ask(tracker.address, KEY)
    const connection = await open(server.address)
    await connection.send(Buffer.concat([word(SERVER_MAGIC), textFrame(`client:${matchKey}`)]))
    for (let n = 0; n < PACKETS && !connection.closed; n++, packets++) await connection.send(packet(random))
    await connection.end()
  }
  rows.push({ what: `server, ${options.sessions} sessions`, frames: packets, seed: options.seed })

  const session = await requestSession({ tracker: tracker.address, key: KEY, timeoutMs: 60_000 })
  if ((await session.invoke('runtime.GetDeviceAttr', [1, 0, 0])) !== 1)
    throw new Error('the session does not work')
  await session.dispose()
  await until(() => holdings(server.pid).folders === 0)
  report(rows, options)
  const grown = rows.filter(({ growth_kb }) => growth_kb > BREATH_KB)
  if (grown.length > 0) throw new Error(`grew: ${grown.map(({ what }) => what).join(', ')}`)
} finally {
  for (const service of services.reverse()) await endService(service)
}
