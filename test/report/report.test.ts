import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { collect } from '#lib/report/collect.js'
import { reportPage } from '#lib/report/page.js'
import type { ResultRecord } from '#lib/results/record.js'
import { ResultStore } from '#lib/results/store.js'
import { cli } from '../support/cli.js'
import { scratchFolder } from '../support/scratch.js'

const path = join(scratchFolder(), 'results.db')

const evaluation = (epoch: number, mse: number, convUs: number): ResultRecord => ({
  kind: 'evaluation',
  network: 'net <b>',
  board: 'local_cpu',
  tuner: 'baseline',
  run: 'first',
  stage: 'validation',
  epoch,
  metrics: { val_backend_mse: mse, val_backend_latency_us: 100 + epoch, val_backend_memory_bytes: 5000 },
  details: {
    profile: [
      { name: 'conv', durationUs: convUs },
      { name: 'dense', durationUs: 10 },
    ],
  },
})

beforeAll(async () => {
  await using store = await ResultStore.open(path)
  await store.add(evaluation(0, 1e-4, 80))
  await store.add(evaluation(10, 1e-3, 40))
  const { metrics: _metrics, details: _details, ...common } = evaluation(20, 0, 0)
  await store.add({
    ...common,
    status: 'failed',
    details: { error: { phase: 'prepare', code: 'ERR_UNSUPPORTED_OPERATOR', message: "no 'Foo' & co" } },
  })
  await store.add({
    kind: 'operators',
    network: 'net <b>',
    metrics: { macs: 4e6 },
    details: {
      operators: [
        { operator: 'nn.conv2d', calls: 3, macs: 3e6, parameterBytes: 500, outputBytes: 700 },
        { operator: 'nn.dense', calls: 1, macs: 1e6, parameterBytes: 50, outputBytes: 7 },
      ],
    },
  })
  await store.add({
    kind: 'tune',
    network: 'net <b>',
    tuner: 'autotvm',
    metrics: { before_ms: 4, after_ms: 2, trials: 3 },
    details: {
      tasks: [
        {
          info: { index: 0, description: 'conv2d 1x3', weight: 2 },
          gflops: [1, 3, 2],
          defaultGflops: 1,
          bestGflops: 3,
        },
      ],
      network: [
        { when: 'before', label: 'untuned', latencyMs: 4 },
        { when: 'after', label: 'tuned', latencyMs: 2 },
      ],
    },
  })
})

test('collects trainings, operators and tunings', async () => {
  await using store = await ResultStore.open(path)
  const { trainings, operators, tunings, results, truncated } = await collect(store)
  expect(trainings).toHaveLength(1)
  expect(trainings[0]?.epochs.map(({ epoch, status }) => `${epoch} ${status}`)).toEqual([
    '0 ok',
    '10 ok',
    '20 failed',
  ])
  expect(trainings[0]?.epochs[2]?.why).toBe("prepare: ERR_UNSUPPORTED_OPERATOR: no 'Foo' & co")
  expect(operators).toEqual([
    {
      network: 'net <b>',
      where: 'local_cpu, training first',
      operators: [
        { name: 'conv', us: 40, beforeUs: 80 },
        { name: 'dense', us: 10, beforeUs: 10 },
      ],
    },
  ])
  expect(tunings[0]?.tasks[0]?.bestGflops).toBe(3)
  expect([results.length, truncated]).toEqual([5, false])
  expect(await collect(store, { limit: 2 })).toMatchObject({ truncated: true, results: { length: 2 } })
})

test('a page needs nothing else, and says what broke and what is slow', async () => {
  await using store = await ResultStore.open(path)
  const page = await reportPage(await collect(store))
  expect(page).toContain('validation epoch 20')
  expect(page).toContain('no &#39;Foo&#39; &#38; co')
  expect(page).toContain('conv takes 80 % of the time (40 of 50 µs)')
  expect(page).toContain('nn.conv2d does 75 % of 4 million multiplications')
  expect(page).toContain('2.00 times as fast')
  expect(page).not.toContain('<b>')
  // Nothing is fetched, nothing runs.
  expect(page).not.toMatch(/<script|<link|<img|<iframe|url\(|@import|\son\w+=/i)
  expect(page.match(/https?:\/\/[^"' <]*/g)?.filter((url) => !url.startsWith('http://www.w3.org/'))).toEqual(
    [],
  )
  expect(page.match(/<svg/g)).toHaveLength(4)
})

test('a page about a thousand trials of fifty tasks stays below a megabyte', async () => {
  await using store = await ResultStore.open(path)
  const tasks = Array.from({ length: 50 }, (_, i) => ({
    info: { index: i, description: `task ${i}`, weight: 1 },
    gflops: Array.from({ length: 1000 }, (_, trial) => Math.sin(trial * (i + 1)) * 10 + trial / 50),
    defaultGflops: 5,
    bestGflops: 30,
  }))
  const profile = tasks.map((_, i) => ({ name: `operator ${i}`, durationUs: i + 1 }))
  await store.add({ kind: 'tune', network: 'large', metrics: {}, details: { tasks } })
  await store.add({ kind: 'profile', network: 'large', details: { profile } })
  const page = await reportPage(await collect(store, { network: 'large' }))
  expect(page.match(/role="img"/g)?.length).toBeGreaterThan(1)
  expect(page.length).toBeLessThan(1e6)
})

test('prints the same in a terminal', async () => {
  const { stdout, code } = await cli(['report', '--results', path, '--text', '--run', 'first'])
  expect(code).toBe(0)
  expect(stdout).toContain('validation epoch 20 BROKE: prepare: ERR_UNSUPPORTED_OPERATOR')
  expect(stdout).toMatch(/conv +40\.0 +80\.0/)
  const { json } = await cli(['report', '--results', path, '--text', '--json'])
  expect(json[0]).toMatchObject({ trainings: [{ run: 'first' }] })
})

test('writes nothing without a place, and not over its own results', async () => {
  expect((await cli(['report', '--results', path])).stderr).toContain('name the page with -o FILE')
  expect((await cli(['report', '--results', path, '-o', path])).stderr).toContain('ERR_WRITE_FAILED')
})
