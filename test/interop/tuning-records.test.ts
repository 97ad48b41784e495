import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { compile } from '#lib/compile/compile.js'
import { tune } from '#lib/tuning/tune.js'
import { scratchFolder } from '../support/scratch.js'

/** A Python that has TVM 0.18 and onnx; without, this folder is left out (vitest.config.ts). */
const python = process.env.TVM_NODE_PYTHON
const script = fileURLToPath(new URL('../fixtures/peers/autotvm_log.py', import.meta.url))
const model = fileURLToPath(new URL('../fixtures/models/kws_dscnn/model.onnx', import.meta.url))
const scratch = scratchFolder()
const TARGET = 'llvm -mcpu=x86-64-v3'

function peer(what: 'write' | 'apply', log: string) {
  const out = execFileSync(python as string, [script, what, model, TARGET, log], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return JSON.parse(out.trim().split('\n').at(-1) as string)
}

test('a log written here has a configuration for every task of Python TVM', {
  timeout: 400_000,
}, async () => {
  const records = join(scratch, 'own.log')
  const report = await tune(model, {
    target: TARGET,
    tuner: { task_budget: 1, records, runner: { number: 1, repeat: 1, min_repeat_ms: 0 } },
  })
  await report.artifact.dispose()
  const { found } = peer('apply', records)
  expect(Object.keys(found).length).toBeGreaterThan(3)
  expect(Object.entries(found).filter(([, hit]) => !hit)).toEqual([])
})

test('a log of Python TVM has a configuration for every operator here', { timeout: 400_000 }, async () => {
  const log = join(scratch, 'peer.log')
  const { tasks } = peer('write', log)
  await using artifact = await compile(model, { target: TARGET, records: log })
  expect(artifact.warnings).toEqual([])
  const { schedules } = artifact.metadata
  const names = new Set<string>(tasks)
  const known = schedules.filter(({ implementation }) => names.has(implementation))
  expect(known.length).toBeGreaterThan(3)
  expect(known.filter(({ source }) => source !== 'tuned')).toEqual([])
})
