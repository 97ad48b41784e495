import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { compile } from '#lib/compile/compile.js'
import { Engine } from '#lib/process/engine.js'
import type { FunctionTask } from '#lib/tuning/function-tasks.js'
import { tune } from '#lib/tuning/tune.js'
import { network } from '../support/artifacts.js'
import { scratchFolder } from '../support/scratch.js'

/** A Python that has TVM 0.18 and onnx; without, this folder is left out (vitest.config.ts). */
const python = process.env.TVM_NODE_PYTHON as string
const script = fileURLToPath(new URL('../fixtures/peers/auto_scheduler_log.py', import.meta.url))
const { model } = network('kws_tcresnet8')
const scratch = scratchFolder()
const functions = join(scratch, 'functions.json')
const target = 'llvm -mcpu=x86-64-v3'

async function peer(what: 'apply' | 'write', log: string) {
  const { stdout } = await promisify(execFile)(python, [script, what, functions, target, log])
  return JSON.parse(stdout.trim().split('\n').at(-1) as string)
}

test('logs of auto_scheduler have a schedule for every function on either side', {
  timeout: 400_000,
}, async () => {
  const engine = new Engine()
  const source = { model, optLevel: 3, shapes: {}, constants: {} }
  const request = { target, templates: [], source }
  const { tasks } = (await engine.run('auto-scheduler-tasks', request)) as { tasks: FunctionTask[] }
  engine.kill()
  const described = tasks.map(({ workload, definition }) => [workload.args[0], definition])
  writeFileSync(functions, JSON.stringify(described))
  expect(tasks.length).toBeGreaterThan(3)

  const own = join(scratch, 'own.log')
  const runner = { number: 1, repeat: 1, min_repeat_ms: 0 }
  const report = await tune(model, {
    target,
    tuner: { name: 'auto_scheduler', task_budget: 2, equal_task_budget: true, records: own, runner },
  })
  await report.artifact.dispose()
  const { found } = await peer('apply', own)
  expect(found).toEqual(Object.fromEntries(described.map(([key]) => [key, { same: true, hit: true }])))

  const theirs = join(scratch, 'theirs.log')
  await peer('write', theirs)
  await using artifact = await compile(model, { target, records: theirs })
  expect(artifact.warnings).toEqual([])
  const hits = artifact.metadata.schedules.filter((each) => each.implementation === 'auto_scheduler')
  expect(hits).toHaveLength(tasks.length)
})
