import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readBatch } from '#lib/batch/plan.js'
import { ResultStore } from '#lib/results/store.js'
import { tensor } from '#lib/tensor.js'
import { modelFile, network } from '../support/artifacts.js'
import { cli, startCli } from '../support/cli.js'
import { scratchFolder } from '../support/scratch.js'

const folder = scratchFolder()
const small = modelFile(
  {
    opset: 17,
    nodes: [{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }],
    inputs: { x: { dtype: 'float32', shape: ['batch', 64] } },
    outputs: ['y'],
    initializers: { w: tensor(new Float32Array(64 * 64).fill(0.1), [64, 64]) },
  },
  join(folder, 'small.onnx'),
)
cpSync(network('kws_dscnn').model, join(folder, 'kws.onnx'))
const config = (name: string, text: string) => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}
const whole = config(
  'all.yaml',
  `models:
  - kws.onnx
  - { path: small.onnx, name: product, shapes: { x: [4, 64] } }
boards:
  - local_cpu
  - { name: plain, connector: local, target: llvm -mcpu=x86-64-v2 }
tuners:
  - baseline
  - { name: autotvm, task_budget: 2, mode: random }
repeat: 3
threads: 1
`,
)

test('measures each combination once; a second run takes what the first had', async () => {
  const first = await cli(['run-all', whole, '--json'])
  expect(first.code).toBe(0)
  expect(first.json.map(({ model, board, tuner }) => `${model} ${board} ${tuner}`)).toEqual([
    'kws local_cpu baseline',
    'kws local_cpu autotvm',
    'kws plain baseline',
    'kws plain autotvm',
    'product local_cpu baseline',
    'product local_cpu autotvm',
    'product plain baseline',
    'product plain autotvm',
  ])
  for (const { status, kept, metrics, gain, tuner } of first.json) {
    expect([status, kept]).toEqual(['measured', false])
    expect(metrics.latency_us).toBeGreaterThan(0)
    if (tuner === 'baseline') expect(gain).toBe(1)
    else expect(gain).toBeGreaterThan(0)
  }
  const again = await cli(['run-all', whole, '--json'])
  expect(again.json.map(({ kept }) => kept)).toEqual(first.json.map(() => true))
  expect(again.json.map(({ metrics }) => metrics)).toEqual(first.json.map(({ metrics }) => metrics))
  const shown = await cli(['run-all', whole, '--quiet'])
  expect(shown.stdout).toMatch(/model +board +tuner +latency us +times as fast/)
  expect(shown.stdout).toContain('8 of 8 measured')
}, 240_000)

test('a run that was killed goes on where it was', async () => {
  const path = config(
    'killed.yaml',
    'models: [kws.onnx, small.onnx]\nboards: [local_cpu]\nresults: killed.db\nrepeat: 2\nthreads: 1\n',
  )
  const { child, result } = startCli(['run-all', path])
  // The second combination has begun.
  await new Promise((resolve) =>
    child.stderr?.on('data', (chunk) => String(chunk).includes('small on') && resolve(undefined)),
  )
  child.kill('SIGKILL')
  await result
  await using store = await ResultStore.open(join(folder, 'killed.db'))
  expect((await store.list()).map(({ network }) => network)).toEqual(['kws'])
  const { code, json } = await cli(['run-all', path, '--json'])
  expect([code, json.map(({ kept }) => kept)]).toEqual([0, [true, false]])
})

test('what fails is told and tried again, and the others are measured', async () => {
  writeFileSync(join(folder, 'broken.onnx'), 'no model')
  const path = config(
    'broken.yaml',
    'models: [broken.onnx, small.onnx]\nboards: [local_cpu]\nresults: broken.db\nrepeat: 2\nthreads: 1\n',
  )
  const { code, json, stderr } = await cli(['run-all', path, '--json'])
  expect([code, json.map(({ status }) => status)]).toEqual([1, ['failed', 'measured']])
  expect(json[0].reason).toContain('ERR_NOT_ONNX')
  expect(stderr).toContain('warning: broken on local_cpu by baseline: ERR_NOT_ONNX')
  const again = await cli(['run-all', path, '--json'])
  expect(again.json.map(({ status, kept }) => `${status} ${kept}`)).toEqual(['failed false', 'measured true'])
})

test.each([
  [
    'models: [small.onnx]\nboards: [local_cpu]\ntuner: [baseline]\n',
    ":3: there is no key 'tuner'; did you mean 'tuners'?",
  ],
  ['models: [small.onnx]\nboards:\n  - local_cpu\nrepeat: 0\n', ':4: repeat: '],
  [
    'models:\n  - path: small.onnx\n    shape: {}\nboards: [local_cpu]\n',
    ":3: there is no key 'models.0.shape'",
  ],
  ['models: [small.onnx\n', ':2: '],
  ['models: [none.onnx]\nboards: [local_cpu]\n', 'none.onnx'],
  ['models: [small.onnx]\nboards: [local_cp]\n', "did you mean 'local_cpu'?"],
  ['models: [small.onnx]\nboards: [local_cpu]\ntuners: [tensorrt]\n', "has no tuner 'tensorrt'"],
])('%j is refused before any work', (text, message) => {
  const path = config('wrong.yaml', text)
  expect(() => readBatch(path)).toThrow(message)
  expect(small).toBeTruthy()
})
