import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { tune, tuneWorkloads } from '#lib/tuning/tune.js'
import { main } from '../support/cli.js'
import { onnxModel } from '../support/onnx-writer.js'
import { childrenOf, isRunning } from '../support/processes.js'
import { randomTensor } from '../support/random.js'
import { scratchFolder } from '../support/scratch.js'

/** One function that sums. */
const network = onnxModel({
  opset: 13,
  inputs: { x: { dtype: 'float32', shape: [4, 16] } },
  initializers: { m: randomTensor([16, 32], 'float32', -0.2, 0.2) },
  nodes: [{ op: 'MatMul', inputs: ['x', 'm'], outputs: ['y'] }],
  outputs: ['y'],
})
const scratch = scratchFolder()
const model = join(scratch, 'model.onnx')
writeFileSync(model, network)
const target = 'llvm -mcpu=x86-64-v3'
const runner = { number: 1, repeat: 1, min_repeat_ms: 0 }

/** Where the records of a tuner are that `path` names. */
const tuners = [
  { name: 'auto_scheduler', file: (path: string) => path },
  { name: 'meta_scheduler', file: (path: string) => join(path, 'database_tuning_record.json') },
] as const

describe.each(tuners)('$name', { timeout: 240_000 }, ({ name, file }) => {
  const linesOf = (path: string) =>
    existsSync(file(path)) ? readFileSync(file(path), 'utf8').split('\n').filter(Boolean) : []

  test('goes on from its records after SIGKILL in the middle of a search', async () => {
    const records = join(scratch, `${name}-killed`)
    const args = ['--tuner', name, '--task-budget', '500', '--records', records, '--target', target]
    const child = spawn(process.execPath, [main, 'tune', model, ...args], { stdio: 'ignore' })
    // The third batch: the model has been trained.
    while (linesOf(records).length <= 24) await sleep(20)
    const engines = childrenOf(child.pid)
    child.kill('SIGKILL')
    while (engines.some(isRunning)) await sleep(50)
    const before = linesOf(records)
    const tuner = { name, records, runner, task_budget: before.length + 4 }
    const report = await tune(model, { target, tuner })
    await report.artifact.dispose()
    expect(report.tasks).toEqual([expect.objectContaining({ resumed: before.length })])
    const after = linesOf(records)
    expect(after.slice(0, before.length)).toEqual(before)
    expect(after).toHaveLength(before.length + 4)
    // What is known is not tried again.
    const programs = after.map((line) => JSON.stringify(JSON.parse(line).i ?? JSON.parse(line)[1][0]))
    expect(new Set(programs).size).toBe(after.length)
  })

  test('a record that no longer applies teaches nothing and ends nothing', async () => {
    const [killed, records] = [join(scratch, `${name}-killed`), join(scratch, `${name}-changed`)]
    const [line] = linesOf(killed)
    const record = JSON.parse(line as string)
    if (name === 'auto_scheduler') record.i[1][1].splice(0, 9, ['SP', 99, 0, 4, [2], 1])
    else record[1][0][0].splice(0, 1, ['GetBlock', [], ['elsewhere', 'main'], ['b0']])
    if (name === 'meta_scheduler') {
      mkdirSync(records)
      const workloads = 'database_workload.json'
      writeFileSync(join(records, workloads), readFileSync(join(killed, workloads)))
    }
    writeFileSync(file(records), `${JSON.stringify(record)}\n`)
    const report = await tune(model, { target, tuner: { name, records, runner, task_budget: 3 } })
    await report.artifact.dispose()
    expect(report.tasks).toEqual([expect.objectContaining({ resumed: 1, trials: 3 })])
    expect(linesOf(records)).toHaveLength(3)
  })

  test('workloads whose functions are not known are refused', async () => {
    const workload = { task: name, args: ['["0123", [1, 2]]'] }
    await expect(tuneWorkloads([workload], { target, tuner: { name } })).rejects.toMatchObject({
      code: 'ERR_NOT_AVAILABLE',
    })
  })
})
