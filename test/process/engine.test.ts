import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { getPriority } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import type { CompileRequest } from '#lib/compile/task.js'
import { Engine, runInEngine } from '#lib/process/engine.js'
import { network } from '../support/artifacts.js'
import { childrenOf, isRunning } from '../support/processes.js'
import { scratchFolder } from '../support/scratch.js'

const scratch = scratchFolder()
const engines: Engine[] = []
afterEach(() => {
  for (const engine of engines.splice(0)) engine.kill()
})
function start(): Engine {
  const engine = new Engine()
  engines.push(engine)
  return engine
}

/** A task that takes longer than any test waits. */
const { model } = network('vww_mobilenet_v1_025')
const long = (folder: string): CompileRequest => ({
  model,
  output: `${folder}/never.tvm`,
  folder,
  format: 'artifact',
  moduleName: 'default',
  target: 'llvm',
  optLevel: 3,
  executor: 'auto',
  shapes: {},
  constants: {},
  config: {},
  desiredLayouts: {},
  alignment: { workspace: 8, constants: 8 },
  records: [],
  templates: [],
})

/** An engine that has loaded all that a compilation takes, so that its first phase begins at once. */
async function startWarm(): Promise<Engine> {
  const engine = start()
  await engine.run('compile', { ...long('/tmp'), model: '/nowhere' }).catch(() => undefined)
  return engine
}

test('a task has a result', async () => {
  expect(await start().run('library', {})).toMatchObject({ version: '0.18.0' })
})

test('engines give way as they are asked to, and serve again only those who ask the same', async () => {
  const before = childrenOf()
  await runInEngine('library', {}, { niceness: 7 })
  await runInEngine('library', {})
  await runInEngine('library', {}, { niceness: 7 })
  const nices = childrenOf()
    .filter((pid) => !before.includes(pid))
    .map((pid) => getPriority(pid))
  expect(nices.sort((a, b) => a - b)).toEqual([getPriority(), 7])
})

test('an engine that ends before it takes a request costs nobody anything', async () => {
  await runInEngine('library', {}, { niceness: 7 })
  const [idle] = childrenOf().filter((pid) => getPriority(pid) === 7) as [number]
  process.kill(idle, 'SIGSTOP')
  const call = runInEngine('library', {}, { niceness: 7 })
  await setImmediate()
  process.kill(idle, 'SIGKILL')
  await expect(call).resolves.toMatchObject({ version: '0.18.0' })
})

test('an engine has a stack for deep graphs', async () => {
  const engine = start()
  await engine.run('library', {})
  const limits = readFileSync(`/proc/${engine.pid}/limits`, 'utf8')
  expect(Number(/Max stack size\s+(\d+)/.exec(limits)?.[1])).toBeGreaterThanOrEqual(2 ** 27)
  expect(readFileSync(`/proc/${engine.pid}/cmdline`, 'utf8')).toMatch(/--stack-size=1\d{5}/)
})

test('errors cross with code, details and cause', async () => {
  const error = await start()
    .run('session', { type: 'open', path: '/nowhere.tvm' })
    .then(String, (reason) => reason)
  expect(error).toMatchObject({
    name: 'TvmNodeError',
    code: 'ERR_ARTIFACT_READ',
    details: { path: '/nowhere.tvm' },
  })
  expect(error.cause).toMatchObject({ message: expect.stringContaining('ENOENT') })
  expect(error.stack).toContain('artifact')
})

test('an unknown task is refused and harms nothing', async () => {
  const engine = start()
  await expect(engine.run('toString', {})).rejects.toThrow(/no task/)
  await engine.run('library', {})
})

test.each(['SIGSEGV', 'SIGKILL', 'SIGTERM'] as const)(
  'an end by %s rejects with phase and signal',
  async (signal) => {
    const engine = start()
    const call = engine.run('compile', long('/tmp'), {
      onProgress: ({ phase }) => phase === 'optimize' && process.kill(engine.pid as number, signal),
    })
    await expect(call).rejects.toMatchObject({
      code: 'ERR_ENGINE_CRASHED',
      message: expect.stringContaining(
        `${signal}${signal === 'SIGKILL' ? ' (out of memory?)' : ''} in phase 'optimize'`,
      ),
      details: { signal, phase: 'optimize' },
    })
    expect(engine.alive).toBe(false)
    await expect(engine.run('library', {})).rejects.toMatchObject({ code: 'ERR_ENGINE_CRASHED' })
  },
)

describe('limits', () => {
  test('an abort rejects with the reason, within two seconds, with no process left', async () => {
    const engine = start()
    const controller = new AbortController()
    const reason = new Error('changed my mind')
    let aborted = 0
    const call = engine.run('compile', long('/tmp'), {
      signal: controller.signal,
      onProgress: ({ phase }) => {
        if (phase !== 'codegen') return
        aborted = performance.now()
        controller.abort(reason)
      },
    })
    await expect(call).rejects.toBe(reason)
    expect(performance.now() - aborted).toBeLessThan(2000)
    expect(isRunning(engine.pid as number)).toBe(false)
  })

  test('a timeout names the phase', async () => {
    const engine = await startWarm()
    await expect(engine.run('compile', long('/tmp'), { timeoutMs: 400 })).rejects.toMatchObject({
      code: 'ERR_TIMEOUT',
      message: expect.stringMatching(/not done within 400 ms \(in phase '\w+'\)/),
      details: { timeoutMs: 400, phase: expect.any(String) },
    })
    expect(isRunning(engine.pid as number)).toBe(false)
  })

  test('a deadline beyond what timers know is none', async () => {
    await start().run('library', {}, { timeoutMs: 2 ** 40 })
  })
})

test('a listener that throws warns and does not end the work', async () => {
  const warned = new Promise((resolve) => process.once('warning', resolve))
  const fault = new Error('a fault of the listener')
  const engine = await startWarm()
  const call = engine.run('compile', long('/tmp'), {
    onProgress: ({ phase }) => {
      if (phase === 'import') throw fault
      throw new Error('later')
    },
    timeoutMs: 700,
  })
  await expect(call).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
  expect(await warned).toBe(fault)
})

test('an idle engine does not keep its host running, and ends with it', async () => {
  const code = `
import { Engine, runInEngine } from '#lib/process/engine.js'
    const engine = new Engine()
    await engine.run('library', {})
    console.log(engine.pid)`
  const pid = execFileSync(process.execPath, ['--input-type=module', '-e', code], {
    encoding: 'utf8',
    timeout: 20_000,
  })
  await expect.poll(() => isRunning(Number(pid))).toBe(false)
})

test.each(['SIGKILL', 'process.exit'])(
  'an engine in the middle of its work ends with its host: %s',
  async (how) => {
    const temporary = join(scratch, how)
    mkdirSync(temporary)
    const code = `
    import { compile } from '#lib/index.js'
    import { readFileSync } from 'node:fs'
    const model = ${JSON.stringify(network('ic_resnet8').model)}
    await compile(model, { onProgress: ({ phase }) => {
      if (phase !== 'optimize') return
      const [pid] = readFileSync('/proc/self/task/' + process.pid + '/children', 'utf8').split(' ')
      console.log(pid)
      if (${how === 'SIGKILL'}) process.kill(process.pid, 'SIGKILL')
      process.exit(0)
    } })`
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
      encoding: 'utf8',
      env: { ...process.env, TMPDIR: temporary },
    })
    const pid = Number(stdout)
    expect(pid).toBeGreaterThan(1)
    // The rest of the compilation takes longer.
    await expect.poll(() => isRunning(pid), { timeout: 500 }).toBe(false)
    if (how === 'process.exit') expect(readdirSync(temporary)).toEqual([])
  },
)

test('engines that are killed leave no process', async () => {
  const before = childrenOf()
  const started = [start(), start()]
  await Promise.all(started.map((engine) => engine.run('library', {})))
  for (const engine of started) engine.kill()
  await expect.poll(() => childrenOf().filter((pid) => !before.includes(pid))).toEqual([])
})
