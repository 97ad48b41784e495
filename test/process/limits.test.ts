import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { type CompileOptions, compile, limitEngines, tune } from '#lib/index.js'
import { Engine, runInEngine } from '#lib/process/engine.js'
import { network } from '../support/artifacts.js'
import { childrenOf } from '../support/processes.js'

const { model } = network('kws_dscnn')
const plain: CompileOptions = { target: 'llvm', cache: false }
/** Node with the compiler takes more, however small the network is. */
const TOO_LITTLE = 40e6

afterEach(() => limitEngines({ memoryBytes: undefined, concurrency: 2 }))

async function serves() {
  await using artifact = await compile(model, plain)
  expect(artifact.metadata.name).toBeTruthy()
}

describe('memory', () => {
  test('a compilation that takes too much ends, and the host serves on', async () => {
    const before = childrenOf()
    await expect(compile(model, { ...plain, memoryBytes: TOO_LITTLE })).rejects.toMatchObject({
      code: 'ERR_MEMORY_LIMIT',
      message: expect.stringMatching(/took \d+ MB of memory.*its limit is 40 MB/),
      details: { memoryBytes: TOO_LITTLE },
    })
    expect(childrenOf().filter((pid) => !before.includes(pid))).toEqual([])
    await serves()
  })

  test('enough is enough', async () => {
    await using artifact = await compile(model, { ...plain, memoryBytes: 4e9 })
    expect(artifact.metadata.name).toBeTruthy()
  })

  test('a limit for all holds where a call names none, and can be lifted', async () => {
    limitEngines({ memoryBytes: TOO_LITTLE })
    await expect(compile(model, plain)).rejects.toMatchObject({ code: 'ERR_MEMORY_LIMIT' })
    await expect(tune(model, { target: 'llvm', tuner: { task_budget: 1 } })).rejects.toMatchObject({
      code: 'ERR_MEMORY_LIMIT',
    })
    limitEngines({ memoryBytes: undefined })
    await serves()
  })

  test('tuning has one too', async () => {
    const options = { target: 'llvm', tuner: { task_budget: 1 }, memoryBytes: TOO_LITTLE } as const
    await expect(tune(model, options)).rejects.toMatchObject({ code: 'ERR_MEMORY_LIMIT' })
  })

  test('where the system refuses memory, the process ends with a code, and the host serves on', async () => {
    const engine = new Engine()
    await engine.run('library', {})
    const [, kilobytes] = /VmData:\s+(\d+)/.exec(readFileSync(`/proc/${engine.pid}/status`, 'utf8')) ?? []
    execFileSync('prlimit', ['--pid', `${engine.pid}`, `--data=${Number(kilobytes) * 1024 + 2e6}`])
    const request = { model, output: '/nowhere/x.tvm', folder: '/tmp', format: 'artifact', target: 'llvm' }
    const rest = { moduleName: 'default', optLevel: 3, executor: 'auto', shapes: {}, constants: {} }
    const call = engine.run('compile', { ...request, ...rest, config: {}, records: [], templates: [] })
    await expect(call).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_(ENGINE_CRASHED|TVM)$/),
    })
    engine.kill()
    await serves()
  })

  test.each([0, -1, '1 GB', Number.NaN])('a limit of %j is refused', async (memoryBytes) => {
    const refusal = { code: 'ERR_INVALID_ARGUMENT', message: expect.stringContaining('memoryBytes') }
    await expect(compile(model, { memoryBytes } as never)).rejects.toMatchObject(refusal)
    expect(() => limitEngines({ memoryBytes } as never)).toThrow(expect.objectContaining(refusal))
  })
})

describe('how many at once', () => {
  test('others wait, and the time they wait counts', async () => {
    limitEngines({ concurrency: 1 })
    const controller = new AbortController()
    let begun = () => {}
    const underway = new Promise<void>((resolve) => {
      begun = resolve
    })
    const first = compile(model, { ...plain, signal: controller.signal, onProgress: () => begun() })
    first.catch(() => undefined)
    await underway
    await expect(compile(model, { ...plain, timeoutMs: 50 })).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
    controller.abort()
    await expect(first).rejects.toThrow(/abort/)
    await serves()
  })

  test('no more processes work than are allowed', async () => {
    limitEngines({ concurrency: 2 })
    const running = new Set<number>()
    let most = 0
    const one = async (i: number) => {
      const events: string[] = []
      const onProgress = ({ phase }: { phase: string }) => {
        if (events.push(phase) === 1) running.add(i)
        most = Math.max(most, running.size)
      }
      await using artifact = await compile(model, { ...plain, onProgress })
      running.delete(i)
      return artifact
    }
    await Promise.all([one(0), one(1), one(2), one(3)])
    expect(most).toBeLessThanOrEqual(2)
  })

  test('who gives up waiting is gone from the line', async () => {
    limitEngines({ concurrency: 1 })
    const first = runInEngine('library', {})
    const given = runInEngine('library', {}, { signal: AbortSignal.timeout(1) }).catch((error) => error)
    await sleep(5)
    await expect(first).resolves.toMatchObject({ version: '0.18.0' })
    expect(((await given) as Error).name).toMatch(/Timeout|Abort/)
    await runInEngine('library', {})
  })
})
