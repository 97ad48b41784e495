import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { routes } from '#lib/service/routes/index.js'
import type { Service } from '#lib/service/service.js'
import { load } from '#lib/session/load.js'
import { type Tensor, tensor } from '#lib/tensor.js'
import { largestDifference, network } from '../support/artifacts.js'
import { startCli } from '../support/cli.js'
import { onnxModel } from '../support/onnx-writer.js'
import { scratchFolder } from '../support/scratch.js'
import { ask, startService, unwired, wire } from '../support/service.js'

const folder = scratchFolder()
const kws = network('kws_dscnn')
const model = readFileSync(kws.model)
const config = { board: 'local_cpu', val_frequency: 2, threads: 1 }

/** y = x W, of batch 1. */
function linear(scale = 1): Uint8Array {
  return onnxModel({
    opset: 17,
    nodes: [{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }],
    inputs: { x: { dtype: 'float32', shape: [1, 2] } },
    outputs: ['y'],
    initializers: { w: tensor(Float32Array.of(scale, 0, 0, scale), [2, 2]) },
  })
}
const x = tensor(Float32Array.of(1, 2, 4, 3), [2, 2])

let service: Service
beforeAll(async () => {
  service = await startService({ results: join(folder, 'results.db'), roots: [folder] })
})

async function create(more: object = {}): Promise<string> {
  const { status, json } = await ask(service, 'POST', '/v1/backends', { body: { ...config, ...more } })
  expect(status).toBe(201)
  return `/v1/backends/${json.id}`
}

test('keeps idle connections for longer than clients do, whose next request would else meet a closing one', async () => {
  const { headers } = await ask(service, 'GET', '/v1')
  expect(headers.get('keep-alive')).toBe('timeout=65')
})

describe('without the token', () => {
  const paths = routes.map(({ method, path }) => [method, path.replace(/\{\w+\}/g, '1')] as const)
  test.each(paths)('%s %s does nothing', async (method, path) => {
    for (const token of ['wrong', `${service.token}x`, '']) {
      const { status, json } = await ask(service, method, path, { token })
      expect([status, json.error.code]).toEqual([401, 'ERR_UNAUTHORIZED'])
    }
  })

  test('there is no page either, and nothing that does not exist is told apart', async () => {
    for (const path of ['/', '/page.mjs', '/v1/nothing', '/?token=wrong']) {
      expect((await fetch(`${service.origin}${path}`, { redirect: 'manual' })).status).toBe(401)
    }
  })

  test("a browser's cookie reads and changes nothing, and not for pages of other places", async () => {
    const login = await fetch(service.url as string, { redirect: 'manual' })
    expect([login.status, login.headers.get('location')]).toEqual([303, '/'])
    const cookie = login.headers.get('set-cookie') as string
    expect(cookie).toMatch(/HttpOnly; SameSite=Strict/)
    const as = (method: string, headers = {}) =>
      fetch(`${service.origin}/v1/backends`, {
        method,
        headers: { cookie: cookie.split(';')[0] as string, ...headers },
      })
    expect((await as('GET')).status).toBe(200)
    expect((await as('POST')).status).toBe(401)
    expect((await as('GET', { origin: 'http://elsewhere.test' })).status).toBe(401)
  })
})

test('prepares, runs, measures and exports a network as the backend itself does', async () => {
  const path = await create()
  expect(
    (await ask(service, 'POST', `${path}/run`, { body: { inputs: wire(kws.inputs) } })).json.error.code,
  ).toBe('ERR_NOT_PREPARED')
  const prepared = await ask(service, 'POST', `${path}/prepare`, { body: model })
  expect(prepared.json).toMatchObject({ rebuilt: 'all', build_ms: expect.any(Number) })
  const { json } = await ask(service, 'POST', `${path}/run`, { body: { inputs: wire(kws.inputs) } })
  for (const [name, expected] of Object.entries(kws.outputs)) {
    expect(largestDifference(unwired(json.outputs[name]), expected)).toBeLessThan(1e-5)
  }
  const profile = await ask(service, 'POST', `${path}/profile`, {
    body: { inputs: wire(kws.inputs), repeat: 3 },
  })
  expect(profile.json.metrics.latency_us).toBeGreaterThan(0)
  expect(profile.json.profile.length).toBeGreaterThan(3)
  const artifact = await fetch(`${service.origin}${path}/artifact`, {
    headers: { authorization: `Bearer ${service.token}` },
  })
  const file = join(folder, 'exported.tvm')
  writeFileSync(file, Buffer.from(await artifact.arrayBuffer()))
  await using session = await load(file)
  const [name, expected] = Object.entries(kws.outputs)[0] as [string, Tensor]
  expect(largestDifference((await session.run(kws.inputs))[name], expected)).toBeLessThan(1e-5)
  expect((await ask(service, 'DELETE', path)).status).toBe(204)
  expect((await ask(service, 'GET', path)).status).toBe(404)
})

test('evaluates epochs by hooks; requests that are sent twice count once', async () => {
  const path = await create({ name: 'linear' })
  const twice = async (hook: string, body?: unknown) => {
    const answers = [
      await ask(service, 'POST', `${path}/${hook}`, { body }),
      await ask(service, 'POST', `${path}/${hook}`, { body }),
    ]
    expect(answers[1]?.json).toEqual(answers[0]?.json)
    return answers[0]
  }
  for (let epoch = 0; epoch < 3; epoch++) {
    const due = epoch % 2 === 0
    const started = await twice(`validation/start?epoch=${epoch}`, due ? linear() : undefined)
    expect(started?.json).toEqual({ stage: 'validation', epoch, due })
    // Of two classes one is wrong from epoch 2 on.
    const outputs = epoch < 2 ? x : tensor(Float32Array.of(1, 2, 3, 4), [2, 2])
    await twice('validation/batch?index=0', { inputs: wire({ x }), outputs: wire({ y: outputs }) })
    const ended = await twice(`validation/end?epoch=${epoch}`)
    expect(ended?.json).toMatchObject({ epoch, status: due ? 'measured' : 'skipped' })
    if (due) expect(ended?.json.outputs.y.count).toBe(4)
  }
  const { json } = await ask(service, 'GET', path)
  expect(json).toMatchObject({ name: 'linear', upcoming: { validation: { epoch: 3, due: false } } })
  expect(
    json.epochs.map(({ epoch, status }: { epoch: number; status: string }) => `${epoch} ${status}`),
  ).toEqual(['0 measured', '1 skipped', '2 measured'])
  expect(json.epochs[0].metrics.val_backend_sqnr_db).toBe('Infinity')
  expect(json.broken).toEqual([{ stage: 'validation', epoch: 2, why: expect.stringContaining('50.0 %') }])
  const late = await ask(service, 'POST', `${path}/validation/start?epoch=1`)
  expect(late.json.error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT', details: { epoch: 3 } })
  const { json: kept } = await ask(service, 'GET', '/v1/results?kind=evaluation')
  expect(kept.map(({ epoch }: { epoch: number }) => epoch)).toEqual([2, 0])
  await ask(service, 'DELETE', path)
})

test('an epoch that is due wants its model; one that fails says where', async () => {
  const path = await create({ val_frequency: 1 })
  expect((await ask(service, 'POST', `${path}/validation/start`)).json.error.message).toContain(
    'send its model',
  )
  await ask(service, 'POST', `${path}/validation/start`, { body: Buffer.from('no model at all') })
  await ask(service, 'POST', `${path}/validation/batch?index=0`, { body: { inputs: wire({ x }) } })
  const { status, json } = await ask(service, 'POST', `${path}/validation/end`)
  expect([status, json]).toEqual([
    200,
    expect.objectContaining({ status: 'failed', phase: 'prepare', code: 'ERR_NOT_ONNX' }),
  ])
  expect(json.error).toBeUndefined()
  await ask(service, 'DELETE', path)
})

test('models by path come from open folders only', async () => {
  writeFileSync(join(folder, 'linear.onnx'), linear())
  const path = await create()
  const prepare = (model: string) => ask(service, 'POST', `${path}/prepare`, { body: { path: model } })
  expect((await prepare('linear.onnx')).status).toBe(200)
  expect((await prepare(join(folder, 'linear.onnx'))).json.rebuilt).toBe('nothing')
  for (const outside of [kws.model, '../../etc/passwd', '/etc/passwd', 'missing.onnx', '.', '\0']) {
    expect((await prepare(outside)).status).toBeGreaterThanOrEqual(400)
    expect((await prepare(outside)).json.error.code).toBe('ERR_FORBIDDEN')
  }
  await ask(service, 'DELETE', path)
  const byPath = await ask(service, 'POST', '/v1/backends', { body: { board: '/etc/board.yml' } })
  expect([byPath.status, byPath.json.error.code]).toEqual([403, 'ERR_FORBIDDEN'])
})

test.each([
  ['POST', '/v1/backends', { ...config, val_batch: 1 }, 400, "did you mean 'val_batches'?"],
  ['POST', '/v1/backends', { board: 'local_cp' }, 400, "did you mean 'local_cpu'?"],
  ['POST', '/v1/backends', { board: 'local_cpu', results: '/tmp/x' }, 400, "there is no key 'results'"],
  ['POST', '/v1/backends', 5, 400, 'body'],
  ['GET', '/v1/backends/none', undefined, 404, 'there is no backend'],
  ['GET', '/v1/nothing', undefined, 404, 'openapi.json'],
  ['PUT', '/v1/backends', {}, 405, 'takes POST and GET'],
  ['GET', '/v1/results?limit=0', undefined, 400, 'limit'],
  ['GET', '/v1/results?limt=1', undefined, 400, "did you mean 'limit'?"],
  ['GET', '/v1/results/999', undefined, 404, 'no result'],
  ['GET', '/..%2f..%2fpackage.json', undefined, 404, 'nothing at'],
])('%s %s with %j is answered by what is wrong', async (method, path, body, status, message) => {
  const answer = await ask(service, method, path, { body })
  expect([answer.status, answer.json.error.message]).toEqual([status, expect.stringContaining(message)])
})

describe('limits', () => {
  let small: Service
  beforeAll(async () => {
    small = await startService({
      limits: { bodyBytes: 10_000, backends: 2, waiting: 3, listeners: 1, heldBytes: 20_000, requests: 20 },
    })
  })

  test('a large request is refused before it is read, and while it is when it hides its size', async () => {
    const told = await ask(small, 'POST', '/v1/backends', { body: Buffer.alloc(5_000_000) })
    expect([told.status, told.json.error]).toEqual([413, expect.objectContaining({ code: 'ERR_TOO_LARGE' })])
    const status = await new Promise((resolve, reject) => {
      const sent = request(`${small.origin}/v1/backends`, {
        method: 'POST',
        headers: { authorization: `Bearer ${small.token}`, 'transfer-encoding': 'chunked' },
      })
      sent.on('response', (response) => resolve(response.statusCode)).on('error', reject)
      for (let i = 0; i < 20; i++) sent.write(Buffer.alloc(1000))
      sent.end()
    })
    expect(status).toBe(413)
  })

  test('too many backends and too many that wait are told to come again', async () => {
    const create = () => ask(small, 'POST', '/v1/backends', { body: config })
    const made = [await create(), await create(), await create()]
    expect(made.map(({ status }) => status)).toEqual([201, 201, 429])
    expect(made[2]?.headers.get('retry-after')).toBe('1')
    const path = `/v1/backends/${made[0]?.json.id}`
    await ask(small, 'POST', `${path}/prepare`, { body: linear() })
    const runs = await Promise.all(
      Array.from({ length: 19 }, () => ask(small, 'POST', `${path}/run`, { body: { inputs: wire({ x }) } })),
    )
    const statuses = runs.map(({ status }) => status)
    expect(new Set(statuses)).toEqual(new Set([200, 429]))
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(3)
    for (const { status, json } of runs)
      if (status === 200) expect(unwired(json.outputs.y).data).toEqual(x.data)
  })

  test('beyond the requests at once there is 503, and the service goes on', async () => {
    const held = Array.from({ length: 20 }, () => {
      const socket = connect(small.address?.port as number, '127.0.0.1')
      socket.on('error', () => undefined)
      socket.write(
        `POST /v1/backends HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${small.token}\r\ncontent-length: 100\r\n\r\n{`,
      )
      return socket
    })
    await expect.poll(() => small.load.requests).toBe(20)
    const { status, json, headers } = await ask(small, 'GET', '/v1')
    expect([status, json.error.code, headers.get('retry-after')]).toEqual([503, 'ERR_OVERLOADED', '1'])
    for (const socket of held) socket.destroy()
    await expect.poll(() => small.load.requests).toBe(0)
    expect((await ask(small, 'GET', '/v1')).status).toBe(200)
  })
})

test('a client that goes away ends its build', async () => {
  const path = await create()
  const gone = new AbortController()
  const preparing = ask(service, 'POST', `${path}/prepare`, { body: model, signal: gone.signal }).catch(
    (error: Error) => error.name,
  )
  await expect.poll(async () => (await ask(service, 'GET', path)).json.call).toBe('prepare')
  gone.abort()
  expect(await preparing).toBe('AbortError')
  await expect.poll(async () => (await ask(service, 'GET', path)).json.call).toBe(null)
  expect((await ask(service, 'GET', path)).json).toMatchObject({ network: null, waiting: 0 })
  await ask(service, 'DELETE', path)
})

test('a backend that nobody asks for goes; one of the program itself stays', async () => {
  const brief = await startService({ limits: { idleMinutes: 0.0001 } })
  const { json } = await ask(brief, 'POST', '/v1/backends', { body: config })
  await sleep(50)
  brief.backends.sweep()
  await expect.poll(async () => (await ask(brief, 'GET', `/v1/backends/${json.id}`)).status).toBe(404)
})

test('tvm-node serve listens on a Unix socket that only its user can open, and writes the token where asked', async () => {
  const [socket, tokenFile] = [join(folder, 'service.sock'), join(folder, 'token')]
  const { child, result } = startCli(['serve', '--socket', socket, '--token-file', tokenFile, '--json'], {
    env: { TVM_NODE_TOKEN: '' },
  })
  await new Promise((resolve) => child.stdout?.once('data', resolve))
  expect([statSync(socket).mode & 0o777, statSync(tokenFile).mode & 0o777]).toEqual([0o600, 0o600])
  const token = readFileSync(tokenFile, 'utf8').trim()
  const status = await new Promise((resolve, reject) => {
    request({ socketPath: socket, path: '/v1', headers: { authorization: `Bearer ${token}` } }, (response) =>
      resolve(response.statusCode),
    )
      .on('error', reject)
      .end()
  })
  child.kill('SIGTERM')
  const { code, json } = await result
  expect([status, code, json[0]]).toEqual([200, 130, { socket }])
})

test('a token too short to be safe is refused', async () => {
  await expect(startService({ token: 'short' })).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' })
})
