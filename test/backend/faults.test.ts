import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test, vi } from 'vitest'
import { TvmBackend } from '#lib/backend/backend.js'
import type { EvaluationResult } from '#lib/backend/results.js'
import { tensor } from '#lib/tensor.js'
import { onnxModel } from '../support/onnx-writer.js'
import { childrenOf, isRunning } from '../support/processes.js'
import { scratchFolder } from '../support/scratch.js'

const EPOCHS = 100
const folder = scratchFolder()
const usual = process.env.TMPDIR
afterEach(() => {
  if (usual === undefined) delete process.env.TMPDIR
  else process.env.TMPDIR = usual
})

/** y = x W with weights that differ by epoch. */
function model(epoch: number, corner = 1): Uint8Array {
  return onnxModel({
    opset: 17,
    nodes: [{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }],
    inputs: { x: { dtype: 'float32', shape: [1, 2] } },
    outputs: ['y'],
    initializers: { w: tensor(Float32Array.of(corner, 0, 0, 1 + epoch), [2, 2]) },
  })
}
const inputs = tensor(Float32Array.of(1, 1), [1, 2])
const outputs = (epoch: number) => tensor(Float32Array.of(1, 1 + epoch), [1, 2])

const kill = () => {
  for (const pid of childrenOf()) if (isRunning(pid)) process.kill(pid, 'SIGKILL')
}
/** A folder that takes no files: of a full file system where this may be made, else one that is not there. */
function fullDisk(): string {
  const path = join(folder, 'full')
  mkdirSync(path, { recursive: true })
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', path], { stdio: 'pipe' })
    return path
  } catch {
    return join(path, 'none')
  }
}

test('a hundred epochs with faults end normally, each with a result, and nothing is left', async () => {
  const scratch = join(folder, 'tmp')
  mkdirSync(scratch)
  process.env.TMPDIR = scratch
  const full = fullDisk()
  const results: EvaluationResult[] = []
  const backend = await TvmBackend.create({ board: 'local_cpu', val_frequency: 1, threads: 1 })
  const evaluation = backend.evaluation({ onResult: (result) => results.push(result) })
  const happened: string[] = []
  try {
    for (let epoch = 0; epoch < EPOCHS; epoch++) {
      const fault = [
        'none',
        'killed before',
        'killed during',
        'disk full',
        'no numbers',
        'wrong shape',
        'no model',
      ][epoch % 7] as string
      happened.push(fault)
      if (fault === 'killed before') kill()
      if (fault === 'disk full') process.env.TMPDIR = full
      const source = () => {
        if (fault === 'no model') throw new Error('cannot export')
        return model(epoch, fault === 'no numbers' ? Number.NaN : 1)
      }
      await evaluation.onValidationEpochStart(source)
      const batch = fault === 'wrong shape' ? tensor(new Float32Array(3), [1, 3]) : inputs
      evaluation.onValidationBatchEnd(0, { inputs: batch, outputs: outputs(epoch) })
      const ending = evaluation.onValidationEpochEnd()
      if (fault === 'killed during') {
        await sleep(1 + (epoch % 30))
        kill()
      }
      await ending
      process.env.TMPDIR = scratch
    }
  } finally {
    await backend.dispose()
    if (!full.endsWith('none')) execFileSync('umount', [full])
  }
  expect(results.map(({ epoch }) => epoch)).toEqual(Array.from({ length: EPOCHS }, (_, i) => i))
  for (const [i, result] of results.entries()) {
    const fault = happened[i] as string
    const seen = result.status === 'failed' ? `failed in ${result.phase}: ${result.reason}` : result.status
    const what = `epoch ${i}, ${fault}: ${seen}`
    if (fault === 'none') {
      expect(result, what).toMatchObject({ status: 'measured', metrics: { val_backend_mse: 0 } })
    } else if (fault === 'no numbers') {
      expect(result, what).toMatchObject({ status: 'measured', outputs: { y: { nan: 1 } } })
    } else if (fault === 'killed before') {
      expect(['measured', 'failed'], what).toContain(result.status)
    } else if (fault === 'killed during') {
      expect(['measured', 'failed'], what).toContain(result.status)
      if (result.status === 'failed') expect(result.code, what).toMatch(/^ERR_(ENGINE_CRASHED|BOARD)$/)
    } else {
      const phase = { 'disk full': 'prepare', 'wrong shape': /measure|profile/, 'no model': 'model' }[
        fault
      ] as string
      expect(result, what).toMatchObject({ status: 'failed', phase: expect.stringMatching(phase) })
      if (fault !== 'no model') expect(result, what).toHaveProperty('code', expect.stringMatching(/^ERR_/))
    }
  }
  await vi.waitFor(() => expect(readdirSync(scratch)).toEqual([]))
  // What is left are the idle engines that builds share.
  await sleep(200)
  expect(childrenOf().length).toBeLessThanOrEqual(2)
  expect(process.listenerCount('exit')).toBeLessThan(10)
}, 300_000)
