import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'
import { cli } from '../support/cli.js'
import { scratchFolder } from '../support/scratch.js'

const model = fileURLToPath(new URL('../fixtures/models/kws_dscnn/model.onnx', import.meta.url))
const scratch = scratchFolder()
const kept = ['--results', join(scratch, 'results.db')]
const artifact = join(scratch, 'kws.tvm')

beforeAll(async () => {
  for (const argv of [
    ['compile', model, '-o', artifact],
    ['profile', artifact, '--repeat', '3'],
    ['bench', artifact, '--runs', '3'],
    ['profile', artifact, '--repeat', '2'],
  ]) {
    const { code, stderr } = await cli([...argv, ...kept, '--quiet'])
    expect(`${code} ${stderr}`).toBe('0 ')
  }
})

test('lists what commands kept, newest first', async () => {
  const { json } = await cli(['results', ...kept, '--json'])
  const listed = json as { id: number; kind: string; network: string; metrics: Record<string, number> }[]
  expect(listed.map(({ id, kind }) => `${id} ${kind}`)).toEqual([
    '4 profile',
    '3 bench',
    '2 profile',
    '1 compile',
  ])
  expect(
    new Set(listed.map((each) => JSON.stringify({ ...each, id: 0, kind: '', created_at: 0, metrics: 0 })))
      .size,
  ).toBe(1)
  expect(listed[1]?.metrics).toMatchObject({ timed_runs: 3, latency_us: expect.any(Number) })
  const { stdout } = await cli(['results', ...kept, '--kind', 'bench'])
  expect(stdout.split('\n').filter((line) => line.includes('bench'))).toHaveLength(1)
  expect(stdout).toContain('latency_us')
})

test('compares two, operator by operator', async () => {
  const { json } = await cli(['results', 'compare', '2', '4', ...kept, '--json'])
  const [{ metrics, operators }] = json as [
    {
      metrics: { name: string; before: number; after: number; ratio: number }[]
      operators: { name: string }[]
    },
  ]
  expect(metrics.find(({ name }) => name === 'timed_runs')).toMatchObject({
    before: 3,
    after: 2,
    ratio: 2 / 3,
  })
  expect(operators.some(({ name }) => name.includes('depthwise'))).toBe(true)
  const { stdout } = await cli(['results', 'compare', '2', '4', ...kept])
  expect(stdout).toMatch(/number 2 +number 4 +ratio/)
})

test('exports comma-separated values and JSON', async () => {
  const { stdout } = await cli(['results', 'export', ...kept, '--network', 'model', '--quiet'])
  const [header = '', ...rows] = stdout.trimEnd().split('\r\n')
  expect(header.split(',').slice(0, 5)).toEqual(['id', 'created_at', 'kind', 'network', 'status'])
  expect(rows).toHaveLength(4)
  for (const row of rows) expect(row.split(',')).toHaveLength(header.split(',').length)
  const file = join(scratch, 'out.json')
  await cli(['results', 'export', ...kept, '--format', 'json', '-o', file])
  const all = JSON.parse(readFileSync(file, 'utf8')) as { details: { profile?: unknown[] } }[]
  expect(all.map(({ details }) => details.profile !== undefined)).toEqual([true, false, true, false])
})

test.each([
  ['a number that there is not', ['show', '77'], 'ERR_NO_RESULT'],
  ['what is no number', ['show', 'last'], 'ERR_USAGE'],
  ['one number where two are needed', ['compare', '1'], 'ERR_USAGE'],
  ['what is no date', ['list', '--since', 'yesterday'], 'ERR_USAGE'],
])('says what is wrong with %s', async (_what, argv, code) => {
  const { json, stderr } = await cli(['results', ...argv, ...kept, '--json'])
  expect(`${JSON.stringify(json)} ${stderr}`).toContain(code)
})

test('asks for a file where none is named', async () => {
  const { stderr, code } = await cli(['results'])
  expect(code).toBe(2)
  expect(stderr).toContain('--results or TVM_NODE_RESULTS')
})
