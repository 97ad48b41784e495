// Sends requests that are wrong in many ways to a service: bytes that are no HTTP, headers and bodies changed at random, values of
// the wrong kind at any depth, with and without the token. It must go on, know as many backends as before, and tell nothing of itself.
//
// usage: npm run test:fuzz-service -- [--requests 100000] [--seed 1] [--json]
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { readArguments, report } from '../bench/support.mjs'
import { routes } from '../dist/service/routes/index.js'
import { Service } from '../dist/service/service.js'
import { generator } from '../examples/training/data.mjs'

/** Milliseconds without an answer that count as none: a busy machine may give this process no time for many seconds. */
const ANSWER = 120_000

const options = readArguments({ requests: 100_000, seed: 1 })
const random = generator(options.seed)
const whole = (most) => Math.floor(most * random())
const pick = (list) => list[whole(list.length)]
const failures = []
process.on('uncaughtException', (error) => failures.push(error))
process.on('unhandledRejection', (error) => failures.push(error))

const logged = []
const service = await Service.start({
  port: 0,
  limits: { bodyBytes: 100_000, arrivalMs: 2_000, backends: 3 },
  onLog: (line) => logged.push(line),
})
const { port } = service.address
const agent = new Agent({ keepAlive: true, maxSockets: 8 })

const values = [
  null,
  true,
  0,
  -1,
  1e308,
  '',
  'local_cpu',
  'a'.repeat(1000),
  '\u0000',
  '__proto__',
  'constructor',
  [],
  {},
  [[]],
  { __proto__: null },
  { dtype: 'float32', shape: [1], data: 'AAAAAA==' },
  { dtype: 'string', shape: [1], data: ['x'] },
  { dtype: 'int4', shape: [2 ** 31, 2 ** 31], data: '' },
  { dtype: 'float32', shape: [-1], data: '!' },
  'Infinity',
]
const names = [
  'board',
  'name',
  'tuner',
  'tune',
  'val_batches',
  'val_frequency',
  'threads',
  'evaluation',
  'policy',
  'inputs',
  'outputs',
  'repeat',
  'path',
  '__proto__',
  'x',
  'isolation',
  'results',
  'target',
  'connector',
  'micro',
  'setup',
  'data',
  'dtype',
  'shape',
]
function value(depth) {
  if (depth === 0 || random() < 0.4) return pick(values)
  if (random() < 0.3) return Array.from({ length: whole(4) }, () => value(depth - 1))
  return Object.fromEntries(Array.from({ length: whole(5) }, () => [pick(names), value(depth - 1)]))
}
function mutated(bytes) {
  const copy = Buffer.from(bytes)
  for (let i = whole(4); i > 0 && copy.length > 0; i--) copy[whole(copy.length)] = whole(256)
  return copy.subarray(0, random() < 0.2 ? whole(copy.length + 1) : copy.length)
}
const ids = []
function path(route) {
  const id = () =>
    random() < 0.7 && ids.length > 0
      ? pick(ids)
      : pick(['', '1', '%00', '..', 'é', 'x'.repeat(3000), '%', '{backend}'])
  const place =
    random() < 0.9
      ? route.path.replace(/\{\w+\}/g, id)
      : `/${Buffer.from(mutated(route.path)).toString('latin1')}`
  const query = ['epoch', 'index', 'after', 'sanity_check', 'limit', 'shapes', 'token', 'kind', 'x']
  return random() < 0.3 ? `${place}?${pick(query)}=${encodeURIComponent(String(pick(values)))}` : place
}

const statuses = {}
const count = (status) => {
  statuses[status] = (statuses[status] ?? 0) + 1
}
/** Nothing without the token does anything. */
let allowed = 0

function viaHttp() {
  return new Promise((resolve) => {
    const route = pick(routes)
    const known = random() < 0.8
    const kind = pick(['application/json', 'application/json', 'application/octet-stream', 'text/plain', ''])
    const body =
      random() < 0.5 ? Buffer.from(JSON.stringify(value(4)) ?? '') : mutated(JSON.stringify(value(3)) ?? '')
    const headers = { 'content-type': kind, ...(random() < 0.1 && { accept: 'text/html' }) }
    if (known) headers.authorization = `Bearer ${service.token}`
    else if (random() < 0.5)
      headers.authorization = pick(['Bearer', 'Bearer x', 'Basic eDp4', `bearer ${service.token}x`])
    const method = random() < 0.9 ? route.method : pick(['PUT', 'PATCH', 'HEAD', 'OPTIONS', 'TRACE'])
    let sent
    try {
      sent = request({
        port,
        agent,
        method,
        path: path(route).replace(/[^\x21-\x7e]/g, '%'),
        headers,
        timeout: ANSWER,
      })
    } catch {
      return resolve()
    }
    sent.on('error', () => resolve(count('closed')))
    sent.on('timeout', () => {
      failures.push(new Error(`${method} ${sent.path} got no answer`))
      sent.destroy()
    })
    sent.on('response', (response) => {
      count(response.statusCode)
      if (!known && response.statusCode < 400) allowed++
      let text = ''
      response.on('data', (chunk) => {
        if (text.length < 10_000) text += chunk
      })
      response.on('close', () => {
        if (response.statusCode === 500 && /ERR_INTERNAL/.test(text))
          failures.push(new Error(`${method} ${sent.path}: ${body}`))
        if (/node_modules|dist\/|\bat .*\.js:/.test(text))
          failures.push(new Error(`it told of itself: ${text.slice(0, 300)}`))
        resolve()
      })
    })
    sent.end(method === 'GET' || method === 'HEAD' ? undefined : body)
  })
}

function viaSocket() {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    const text = `${pick(['GET', 'POST', 'X', ''])} ${pick(['/', '/v1/events', '*', 'http://x/'])} HTTP/1.${whole(3)}\r\nhost: x\r\nauthorization: Bearer ${service.token}\r\n${pick(
      [
        'content-length: 5\r\n',
        'content-length: -1\r\n',
        'transfer-encoding: chunked\r\n',
        'upgrade: websocket\r\nconnection: upgrade\r\n',
        'expect: 100-continue\r\ncontent-length: 2\r\n',
        '',
      ],
    )}\r\n${pick(['', '{}', '5\r\nhello\r\n', 'zz\r\n'])}`
    socket.write(mutated(text))
    socket.once('data', () => socket.destroy())
    const late = setTimeout(() => socket.destroy(), 20 + whole(30))
    socket.once('close', () => {
      clearTimeout(late)
      count('raw')
      resolve()
    })
  })
}

let sent = 0
const started = performance.now()
async function work() {
  while (sent < options.requests) {
    sent++
    if (random() < 0.02) await viaSocket()
    else await viaHttp()
    if (sent % 1000 === 0) {
      ids.splice(0, ids.length, ...service.backends.all.map(({ id }) => id))
      if (process.stderr.isTTY) process.stderr.write(`\r${sent} of ${options.requests}`)
    }
  }
}
await Promise.all(Array.from({ length: 8 }, work))
const answer = await fetch(`${service.origin}/v1`, { headers: { authorization: `Bearer ${service.token}` } })
const alive = answer.status === 200 && (await answer.json()).requests === 1
agent.destroy()
await service.close()
for (const failure of failures.slice(0, 10)) console.error(failure)
for (const line of logged.slice(0, 10)) console.error(line)
report(
  [
    {
      requests: sent,
      seconds: (performance.now() - started) / 1000,
      failures: failures.length,
      logged: logged.length,
      allowed,
      alive: Number(alive),
      ...statuses,
    },
  ],
  options,
)
process.exit(failures.length + logged.length + allowed > 0 || !alive ? 1 : 0)
