import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkModel } from '#lib/index.js'
import { cli } from '../support/cli.js'
import { onnxModel } from '../support/onnx-writer.js'
import { scratchFolder } from '../support/scratch.js'

const scratch = scratchFolder()
const model = (name: string, ops: readonly string[]) => {
  const path = join(scratch, `${name}.onnx`)
  const nodes = ops.map((op, i) => ({
    op,
    inputs: [i === 0 ? 'x' : `t${i}`],
    outputs: [`t${i + 1}`],
    name: `${op}-${i}`,
  }))
  const inputs = { x: { dtype: 'float32' as const, shape: [2, 3] } }
  writeFileSync(path, onnxModel({ opset: 13, nodes, inputs, outputs: [`t${ops.length}`] }))
  return path
}
const good = model('good', ['Relu', 'Sigmoid'])
const bad = model('bad', ['Relu', 'Frobnicate', 'Wibble', 'Frobnicate', 'Relu'])

test('compile --check lists everything in a table', async () => {
  const { code, stdout } = await cli(['compile', bad, '--check'])
  expect(code).toBe(1)
  const lines = stdout.split('\n')
  expect(lines[0]).toMatch(/^operator +domain +opset +nodes +reason$/)
  expect(lines[1]).toMatch(
    /^Frobnicate +ai\.onnx +13 +Frobnicate-1, Frobnicate-3 +there is no such operator$/,
  )
  expect(lines[2]).toMatch(/^Wibble +ai\.onnx +13 +Wibble-2 /)
  expect(stdout).toContain('2 problems, 5 nodes looked at, 3 of them by name only')
})

test('compile --check --json', async () => {
  const { code, json } = await cli(['compile', bad, '--check', '--json'])
  expect(code).toBe(1)
  expect(json).toHaveLength(1)
  expect(json[0]).toMatchObject({
    ok: false,
    nodes: 5,
    byName: 3,
    problems: [
      {
        operator: 'Frobnicate',
        domain: '',
        version: 13,
        nodes: ['Frobnicate-1', 'Frobnicate-3'],
        reason: 'there is no such operator',
      },
      { operator: 'Wibble', nodes: ['Wibble-2'] },
    ],
  })
})

test('a model without problems', async () => {
  const { code, stdout } = await cli(['compile', good, '--check'])
  expect([code, stdout]).toEqual([0, 'nothing is unsupported (2 nodes looked at)\n'])
  expect(await checkModel(good)).toEqual({ ok: true, problems: [], nodes: 2, byName: 0, assumed: [] })
})

test('an artifact is not written by a check', async () => {
  const output = join(scratch, 'x.tvm')
  const { code, stderr } = await cli(['compile', good, '--check', '-o', output])
  expect(code).toBe(2)
  expect(stderr).toContain('cannot be used with')
  expect(existsSync(output)).toBe(false)
})

test('compile --verify shows each output', async () => {
  const output = join(scratch, 'good.tvm')
  const args = ['compile', good, '-o', output, '--no-cache', '--verify', '--seed', '5']
  const { code, stdout } = await cli(args)
  expect(code).toBe(0)
  expect(stdout).toContain('agrees with a build at optimisation level 0 on 2 random inputs (seed 5)')
  expect(stdout).toMatch(/t2 +float32 +\S+ +0\.001 of the value/)
  const { json } = await cli([...args, '--json'])
  expect(json[0].verification).toMatchObject({ seed: 5, outputs: [{ name: 't2', mismatch: null }] })
})
