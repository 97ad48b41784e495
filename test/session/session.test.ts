import { execFileSync } from 'node:child_process'
import { copyFileSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { beforeAll, describe, expect, test } from 'vitest'
import { load } from '#lib/session/load.js'
import { type Tensor, tensor } from '#lib/tensor.js'
import { artifactOf, largestDifference, network } from '../support/artifacts.js'
import type { ModelDescription } from '../support/onnx-writer.js'
import { childrenOf, isRunning } from '../support/processes.js'
import { scratchFolder } from '../support/scratch.js'

const scratch = scratchFolder()
const kws = network('kws_dscnn')
const kwsPath = join(scratch, 'kws.tvm')
const mixedPath = join(scratch, 'mixed.tvm')
const slowPath = join(scratch, 'slow.tvm')

/** Inputs and outputs of several types, one of them empty and one a scalar. */
const mixed: ModelDescription = {
  opset: 13,
  inputs: {
    x: { dtype: 'float32', shape: [2, 3] },
    k: { dtype: 'int64', shape: [] },
    mask: { dtype: 'bool', shape: [3] },
  },
  nodes: [
    { op: 'Cast', inputs: ['k'], outputs: ['kf'], attrs: { to: 1 } },
    { op: 'Mul', inputs: ['x', 'kf'], outputs: ['scaled'] },
    { op: 'Add', inputs: ['k', 'k'], outputs: ['twice'] },
    { op: 'Not', inputs: ['mask'], outputs: ['inverse'] },
  ],
  outputs: ['scaled', 'twice', 'inverse'],
}

/** Some 0.2 s of work on one thread. */
const slow: ModelDescription = {
  opset: 13,
  inputs: { x: { dtype: 'float32', shape: [1024, 1024] } },
  nodes: Array.from({ length: 8 }, (_, i) => ({
    op: 'MatMul',
    inputs: [i === 0 ? 'x' : `y${i - 1}`, 'x'],
    outputs: [`y${i}`],
  })),
  outputs: ['y7'],
}
const slowInputs = { x: tensor(new Float32Array(1024 * 1024).fill(1e-3), [1024, 1024]) }

const element = (value: Tensor | undefined, i: number) => (value?.data as Float32Array | undefined)?.[i]

beforeAll(async () => {
  await Promise.all([
    artifactOf(kws.model, kwsPath),
    artifactOf(mixed, mixedPath),
    artifactOf(slow, slowPath),
  ])
})

describe.each(['thread', 'process'] as const)('in a %s', (isolation) => {
  test('a network gives the output that came with it, again and again', async () => {
    await using session = await load(kwsPath, { isolation, threads: 2 })
    expect(session.threads).toBe(2)
    expect(session.inputs).toMatchObject([{ name: 'data', shape: [1, 1, 49, 10], dtype: 'float32' }])
    for (let i = 0; i < 3; i++) {
      const outputs = await session.run(kws.inputs)
      for (const [name, expected] of Object.entries(kws.outputs)) {
        expect(largestDifference(outputs[name], expected)).toBeLessThan(1e-5)
      }
    }
  })

  test('tensors of several types and shapes go in and come out', async () => {
    await using session = await load(mixedPath, { isolation })
    const outputs = await session.run({
      x: tensor(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]),
      k: tensor(BigInt64Array.of(-3n), []),
      mask: tensor(Uint8Array.of(1, 0, 1), [3], 'bool'),
    })
    expect(outputs).toEqual({
      scaled: tensor(Float32Array.of(-3, -6, -9, -12, -15, -18), [2, 3]),
      twice: tensor(BigInt64Array.of(-6n), []),
      inverse: tensor(Uint8Array.of(0, 1, 0), [3], 'bool'),
    })
  })

  test('calls made at once run one after the other, each with its own tensors', async () => {
    await using session = await load(mixedPath, { isolation })
    const scale = async (k: number) => {
      const { scaled } = await session.run({
        x: tensor(new Float32Array(6).fill(1), [2, 3]),
        k: tensor(BigInt64Array.of(BigInt(k)), []),
        mask: tensor(new Uint8Array(3), [3], 'bool'),
      })
      return element(scaled, 5)
    }
    const factors = Array.from({ length: 50 }, (_, k) => k)
    expect(await Promise.all(factors.map(scale))).toEqual(factors)
  })

  test('an input that nothing depends on is taken, too', async () => {
    const path = join(scratch, `unused-${isolation}.tvm`)
    const model: ModelDescription = {
      opset: 13,
      inputs: { x: { dtype: 'float32', shape: [2] }, idle: { dtype: 'float32', shape: [3] } },
      nodes: [{ op: 'Neg', inputs: ['x'], outputs: ['y'] }],
      outputs: ['y'],
    }
    await artifactOf(model, path)
    await using session = await load(path, { isolation })
    const outputs = await session.run({
      x: tensor(Float32Array.of(1, 2), [2]),
      idle: tensor(new Float32Array(3), [3]),
    })
    expect(outputs.y?.data).toEqual(Float32Array.of(-1, -2))
  })

  test('outputs stay what they were when the session runs again', async () => {
    await using session = await load(kwsPath, { isolation })
    const name = Object.keys(kws.outputs)[0] as string
    const first = (await session.run(kws.inputs))[name]
    const copy = Float32Array.from(first?.data as Float32Array)
    await session.run({ data: tensor(new Float32Array(490), [1, 1, 49, 10]) })
    expect(first?.data).toEqual(copy)
  })

  test('a profile has outputs, latency and every operator', async () => {
    await using session = await load(kwsPath, { isolation })
    const { outputs, metrics, profile } = await session.profile(kws.inputs, { repeat: 3 })
    const name = Object.keys(kws.outputs)[0] as string
    expect(largestDifference(outputs[name], kws.outputs[name])).toBeLessThan(1e-5)
    const { median, min, max } = metrics.latencyUs
    expect([min > 0, min <= median, median <= max]).toEqual([true, true, true])
    expect(profile.filter(({ name: operator }) => operator.includes('conv2d')).length).toBe(9)
  })

  test.each([
    ['missing', {}, /input 'data' \(float32 of shape \[1,1,49,10\]\) is missing/],
    ['unknown', { ...kws.inputs, date: tensor(new Float32Array(1)) }, /no input 'date'; did you mean 'data'/],
    [
      'of another shape',
      { data: tensor(new Float32Array(490), [1, 49, 10, 1]) },
      /must be float32 of shape \[1,1,49,10\]/,
    ],
    ['of another type', { data: tensor(new Float64Array(490), [1, 1, 49, 10]) }, /got float64/],
    ['no tensor', { data: new Float32Array(490) }, /must be a tensor/],
    [
      'with too little data',
      { data: { dtype: 'float32', shape: [1, 1, 49, 10], data: new Float32Array(489) } },
      /489/,
    ],
    [
      'with data of another type',
      { data: { dtype: 'float32', shape: [1, 1, 49, 10], data: new Int8Array(490) } },
      /Int8Array/,
    ],
  ])('an input that is %s is refused, and the session goes on', async (_how, inputs, message) => {
    await using session = await load(kwsPath, { isolation })
    const refusal = expect(session.run(inputs as never)).rejects
    await refusal.toMatchObject({ code: 'ERR_INPUT', message: expect.stringMatching(message) })
    await session.run(kws.inputs)
  })

  test('an aborted call rejects with the reason, and later calls run', async () => {
    await using session = await load(slowPath, { isolation, threads: 1 })
    const reason = new Error('enough')
    const started = performance.now()
    const call = session.run(slowInputs, { signal: AbortSignal.timeout(1e6) })
    const controller = new AbortController()
    const waiting = session.run(slowInputs, { signal: controller.signal })
    controller.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    expect(performance.now() - started).toBeLessThan(1000)
    await call
    const running = session.run(slowInputs, { timeoutMs: 20 })
    await expect(running).rejects.toMatchObject({
      code: 'ERR_TIMEOUT',
      message: expect.stringContaining('20 ms'),
    })
    const { y7 } = await session.run(slowInputs)
    expect(element(y7, 0)).toBeCloseTo(1e-3 * 1.024 ** 8, 5)
  })

  test('a signal that is aborted already stops before anything happens', async () => {
    const reason = new Error('never')
    await expect(load(kwsPath, { isolation, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    await using session = await load(kwsPath, { isolation })
    await expect(session.run(kws.inputs, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })

  test.each([0, -1, Number.NaN])('a timeout of %s is refused', async (timeoutMs) => {
    await using session = await load(kwsPath, { isolation })
    await expect(session.run(kws.inputs, { timeoutMs })).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
    })
  })

  test.each([
    [null, /expected object/],
    [{ timeoutMS: 5 }, /no option 'timeoutMS'; did you mean 'timeoutMs'/],
    [{ timeoutMs: '5' }, /timeoutMs: must be a positive number/],
    [{ signal: {} }, /signal: .*AbortSignal/],
  ])('options %j of a call are refused, whatever else it would do', async (options, message) => {
    await using session = await load(kwsPath, { isolation })
    // Enough runs for a thread to know how short they are.
    for (let i = 0; i < 5; i++) await session.run(kws.inputs, { timeoutMs: 1e4 })
    const refusal = { code: 'ERR_INVALID_ARGUMENT', message: expect.stringMatching(message) }
    await expect(session.run(kws.inputs, options as never)).rejects.toMatchObject(refusal)
    await expect(session.profile(kws.inputs, options as never)).rejects.toMatchObject(refusal)
  })

  test.each([0, -1, 1.5, '3'])('repeat %j of a profile is refused', async (repeat) => {
    await using session = await load(kwsPath, { isolation })
    await expect(session.profile(kws.inputs, { repeat } as never)).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: expect.stringContaining('repeat'),
    })
  })

  test('disposing waits for calls in flight, may be repeated, and ends everything', async () => {
    const before = childrenOf()
    const session = await load(kwsPath, { isolation })
    const call = session.run(kws.inputs)
    const [outputs] = await Promise.all([call, session.dispose(), session.dispose()])
    expect(Object.keys(outputs)).toEqual(Object.keys(kws.outputs))
    expect(session.disposed).toBe(true)
    await expect(session.run(kws.inputs)).rejects.toMatchObject({ code: 'ERR_DISPOSED' })
    await expect(session.profile(kws.inputs)).rejects.toMatchObject({ code: 'ERR_DISPOSED' })
    await expect.poll(() => childrenOf().filter((pid) => !before.includes(pid))).toEqual([])
  })

  test('two sessions of one process do not disturb each other', async () => {
    await using a = await load(kwsPath, { isolation, threads: 1 })
    await using b = await load(mixedPath, { isolation, threads: 2 })
    const given = {
      x: tensor(new Float32Array(6).fill(2), [2, 3]),
      k: tensor(BigInt64Array.of(5n), []),
      mask: tensor(new Uint8Array(3), [3], 'bool'),
    }
    const name = Object.keys(kws.outputs)[0] as string
    for (let i = 0; i < 20; i++) {
      const [one, other] = await Promise.all([a.run(kws.inputs), b.run(given)])
      expect(largestDifference(one[name], kws.outputs[name])).toBeLessThan(1e-5)
      expect(other.scaled?.data).toEqual(new Float32Array(6).fill(10))
    }
  })

  test("the host's processors stay what they were", async () => {
    const allowed = () => /Cpus_allowed_list:.*/.exec(readFileSync('/proc/self/status', 'utf8'))?.[0]
    const before = allowed()
    await using session = await load(kwsPath, { isolation, threads: 2 })
    await session.run(kws.inputs)
    expect(allowed()).toBe(before)
  })

  test('the event loop is free while a network runs', async () => {
    await using session = await load(slowPath, { isolation, threads: 1 })
    let turns = 0
    const timer = setInterval(() => turns++, 1)
    await session.run(slowInputs)
    clearInterval(timer)
    expect(turns).toBeGreaterThan(10)
  })
})

describe('short runs in a thread', () => {
  const name = Object.keys(kws.outputs)[0] as string

  test('give the same on the JavaScript thread as on their own', async () => {
    await using own = await load(kwsPath, { inlineBelowUs: 0 })
    await using inline = await load(kwsPath, { inlineBelowUs: 1e6 })
    for (let i = 0; i < 20; i++) {
      const x = { data: tensor(new Float32Array(490).fill(i), [1, 1, 49, 10]) }
      expect((await inline.run(x))[name]).toEqual((await own.run(x))[name])
    }
  })

  test('hold up the event loop for a short time only', async () => {
    await using session = await load(kwsPath, { inlineBelowUs: 1e6 })
    let turns = 0
    const timer = setInterval(() => turns++, 1)
    for (const end = performance.now() + 200; performance.now() < end; ) await session.run(kws.inputs)
    clearInterval(timer)
    expect(turns).toBeGreaterThan(10)
  })

  test('made at once keep their order, and are waited for by dispose', async () => {
    const session = await load(kwsPath, { inlineBelowUs: 1e6 })
    for (let i = 0; i < 5; i++) await session.run(kws.inputs)
    const order: number[] = []
    const runs = Array.from({ length: 200 }, (_, i) => session.run(kws.inputs).then(() => order.push(i)))
    await session.dispose()
    await Promise.all(runs)
    expect(order).toEqual(runs.map((_, i) => i))
  })
})

test('disposing does not wait for a run in a thread that was given up', async () => {
  const session = await load(slowPath, { threads: 1 })
  const order: string[] = []
  const calls = Array.from({ length: 4 }, (_, i) =>
    session
      .run(slowInputs, i < 2 ? { timeoutMs: 20 } : {})
      .then(() => order.push(`run ${i}`))
      .catch(({ code }) => order.push(`${code} ${i}`)),
  )
  await Promise.all(calls.slice(0, 2))
  await session.dispose()
  // Those that somebody waits for have ended before; the one given up may go on.
  expect(order).toEqual(['ERR_TIMEOUT 0', 'ERR_TIMEOUT 1', 'run 2', 'run 3'])

  const other = await load(slowPath, { threads: 1 })
  await other.run(slowInputs)
  const given = other.run(slowInputs, { timeoutMs: 1 })
  await expect(given).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
  const behind = other.run(slowInputs, { timeoutMs: 2 })
  let ended = false
  const later = other.dispose().then(() => {
    ended = true
  })
  await expect(behind).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
  await new Promise((resolve) => setImmediate(resolve))
  expect(ended).toBe(true)
  await later
})

describe('in a process', () => {
  test('a crash rejects the call, and the next one gets a new process', async () => {
    const before = childrenOf()
    await using session = await load(slowPath, { isolation: 'process', threads: 1 })
    const [engine] = childrenOf().filter((pid) => !before.includes(pid)) as [number]
    const call = session.run(slowInputs)
    setTimeout(() => process.kill(engine, 'SIGSEGV'), 50)
    await expect(call).rejects.toMatchObject({
      code: 'ERR_ENGINE_CRASHED',
      message: expect.stringContaining('SIGSEGV'),
      details: { signal: 'SIGSEGV' },
    })
    const { y7 } = await session.run(slowInputs)
    expect(element(y7, 7)).toBeCloseTo(1e-3 * 1.024 ** 8, 5)
  })

  test('an artifact that changed behind a crash is not run', async () => {
    const path = join(scratch, 'changing.tvm')
    copyFileSync(mixedPath, path)
    const before = childrenOf()
    await using session = await load(path, { isolation: 'process' })
    const [engine] = childrenOf().filter((pid) => !before.includes(pid)) as [number]
    copyFileSync(kwsPath, path)
    process.kill(engine, 'SIGKILL')
    const inputs = {
      x: tensor(new Float32Array(6), [2, 3]),
      k: tensor(BigInt64Array.of(5n), []),
      mask: tensor(new Uint8Array(3), [3], 'bool'),
    }
    const code = () => session.run(inputs).catch((error) => error.code)
    // The first call may meet the old process as it ends.
    await expect.poll(code).toBe('ERR_ARTIFACT_DAMAGED')
    rmSync(path)
    await expect(session.run(inputs)).rejects.toMatchObject({ code: 'ERR_ARTIFACT_READ' })
  })

  test('a time limit ends a run and its process', async () => {
    const before = childrenOf()
    await using session = await load(slowPath, { isolation: 'process', threads: 1 })
    const [engine] = childrenOf().filter((pid) => !before.includes(pid)) as [number]
    await expect(session.run(slowInputs, { timeoutMs: 30 })).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
    expect(isRunning(engine)).toBe(false)
  })

  test('its process ends with its host, however that ends', async () => {
    const host = fileURLToPath(new URL('./host.mjs', import.meta.url))
    for (const ending of ['exit', 'throw', 'SIGKILL']) {
      let output = ''
      try {
        output = execFileSync(process.execPath, [host, kwsPath, ending], { encoding: 'utf8', stdio: 'pipe' })
      } catch (error) {
        output = (error as { stdout: string }).stdout
      }
      const engine = Number(output)
      expect(engine).toBeGreaterThan(0)
      await expect.poll(() => isRunning(engine)).toBe(false)
    }
  })
})

test('an idle session keeps no process running', () => {
  for (const isolation of ['thread', 'process']) {
    const code = `import { load } from '#lib/index.js'; await load(process.argv[1], { isolation: '${isolation}' })`
    const args = ['--input-type=module', '-e', code, kwsPath]
    expect(() => execFileSync(process.execPath, args, { timeout: 20_000, stdio: 'pipe' })).not.toThrow()
  }
})

test('a worker thread can load, run, and be terminated in the middle', async () => {
  const code = `
    import { load } from '#lib/index.js'
    import { parentPort, workerData } from 'node:worker_threads'
    const session = await load(workerData.path, { threads: 1 })
    parentPort.postMessage('loaded')
    for (;;) await session.run(workerData.inputs).then(() => parentPort.postMessage('ran'))`
  const url = new URL(
    `data:text/javascript,${encodeURIComponent(code.replace('#lib/index.js', new URL('../../dist/index.js', import.meta.url).href))}`,
  )
  const worker = new Worker(url, { workerData: { path: slowPath, inputs: slowInputs } })
  const messages: string[] = []
  await new Promise<void>((resolve, reject) => {
    worker.on('error', reject)
    worker.on('message', (message) => messages.push(message) > 2 && resolve())
  })
  await worker.terminate()
  expect(messages.slice(0, 3)).toEqual(['loaded', 'ran', 'ran'])
})

test.each([
  [{ threads: 0 }, /threads/],
  [{ threads: 1.5 }, /threads/],
  [{ inlineBelowUs: -1 }, /inlineBelowUs/],
  [{ thread: 2 }, /no option 'thread'; did you mean 'threads'/],
  [{ isolation: 'vm' }, /isolation.*process/],
])('loading with %j is refused', async (options, message) => {
  await expect(load(kwsPath, options as never)).rejects.toMatchObject({
    code: 'ERR_INVALID_ARGUMENT',
    message: expect.stringMatching(message),
  })
})
