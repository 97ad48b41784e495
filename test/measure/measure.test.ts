import { existsSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { LocalBuilder } from '#lib/measure/local-builder.js'
import { LocalRunner } from '#lib/measure/local-runner.js'
import { measureBatch } from '#lib/measure/measure.js'
import type { BuildInput, TrialResult } from '#lib/measure/trial.js'
import { TrialError } from '#lib/schedule-config/record.js'

const templates = [fileURLToPath(new URL('../fixtures/templates/faulty.mjs', import.meta.url))]
const builder = new LocalBuilder({ timeout: 8, parallel: 2 })
const runner = new LocalRunner({ timeout: 3, number: 1, repeat: 3, minRepeatMs: 0, threads: 1 })
afterAll(() => Promise.all([builder.dispose(), runner.dispose()]))

function input(behaviour: string): BuildInput {
  const workload = { task: 'test.faulty', args: [['TENSOR', [64], 'float32']] }
  const config = { index: 0, code_hash: null, entity: [['behaviour', 'ot', behaviour]] }
  return { kind: 'autotvm', target: 'llvm -mcpu=x86-64-v2', templates, candidate: { workload, config } }
}

test('each fault is one coded error, and the others go on', { timeout: 60_000 }, async () => {
  const behaviours = ['throw', 'good', 'crash', 'endless', 'hang', 'exit', 'good']
  const heard: number[] = []
  const results = await measureBatch(behaviours.map(input), {
    builder,
    runner,
    onResult: (_, i) => heard.push(i),
  })
  expect(results.map(({ error }) => error)).toEqual([
    TrialError.INSTANTIATION,
    TrialError.NONE,
    TrialError.RUNTIME_DEVICE,
    TrialError.RUN_TIMEOUT,
    TrialError.BUILD_TIMEOUT,
    TrialError.COMPILE_HOST,
    TrialError.NONE,
  ])
  const messages = results.map(({ message }) => message)
  expect(messages[0]).toContain('this configuration cannot be')
  expect(messages[2]).toMatch(/SIGSEGV|SIGBUS/)
  expect(messages[3]).toContain('not done within 3000 ms')
  expect(messages[5]).toContain('code 3')
  for (const { costs } of results.filter(({ error }) => error === TrialError.NONE)) {
    // The fastest and the slowest of three do not count.
    expect(costs).toHaveLength(1)
    expect(costs[0]).toBeGreaterThan(0)
    expect(costs[0]).toBeLessThan(0.01)
  }
  expect(heard.sort()).toEqual([0, 1, 2, 3, 4, 5, 6])
})

test('an abort ends builds and runs at once', { timeout: 20_000 }, async () => {
  const controller = new AbortController()
  const started = performance.now()
  setTimeout(() => controller.abort(new Error('enough')), 500)
  const batch = measureBatch([input('hang'), input('endless')], {
    builder,
    runner,
    signal: controller.signal,
  })
  await expect(batch).rejects.toThrow('enough')
  expect(performance.now() - started).toBeLessThan(2500)
})

test('what was built is removed', async () => {
  const own = new LocalBuilder({ parallel: 1 })
  const before = new Set(readdirSync(tmpdir()))
  const results: TrialResult[] = await measureBatch([input('good')], { builder: own, runner })
  expect(results[0]?.error).toBe(TrialError.NONE)
  const made = readdirSync(tmpdir()).filter((name) => name.startsWith('tvm-node-build-') && !before.has(name))
  await own.dispose()
  for (const name of made) expect(existsSync(`${tmpdir()}/${name}/trial1.so`)).toBe(false)
})
