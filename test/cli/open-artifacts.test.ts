import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { readNpz, writeNpz } from '#lib/npz.js'
import { cli } from '../support/cli.js'
import { onnxModel } from '../support/onnx-writer.js'
import { randomTensor as random } from '../support/random.js'
import { expectClose, runReference } from '../support/run-onnx.js'
import { scratchFolder } from '../support/scratch.js'

const scratch = scratchFolder()
const [path, artifact, given] = ['open.onnx', 'open.tvm', 'in.npz'].map((name) => join(scratch, name)) as [
  string,
  string,
  string,
]
const model = onnxModel({
  opset: 17,
  inputs: { x: { dtype: 'float32', shape: ['N', 3, 'H', 'W'] } },
  initializers: { w: random([4, 3, 3, 3], 'float32', -1, 1) },
  nodes: [
    { op: 'Conv', inputs: ['x', 'w'], outputs: ['c'], attrs: { pads: [1, 1, 1, 1] } },
    { op: 'Relu', inputs: ['c'], outputs: ['y'] },
  ],
  outputs: ['y'],
})
const inputs = { x: random([2, 3, 5, 7], 'float32', -1, 1) }

let compiled: Awaited<ReturnType<typeof cli>>
beforeAll(async () => {
  writeFileSync(path, model)
  await writeNpz(given, inputs)
  compiled = await cli(['compile', path, '-o', artifact, '--no-cache', '--verify'])
})

test('compile says what runs the network and compares it at sizes of its own choice', () => {
  expect(compiled.code).toBe(0)
  expect(compiled.stdout).toMatch(/^executor +vm$/m)
  expect(compiled.stdout).toContain('agrees with a build at optimisation level 0 on 2 random inputs')
  expect(compiled.stdout).not.toContain('were taken as')
})

test('inspect shows the executor and open extents', async () => {
  const { code, stdout } = await cli(['inspect', artifact])
  expect(code).toBe(0)
  expect(stdout).toMatch(/executor +vm/)
  expect(stdout).toMatch(/inputs +x float32 \[\?, 3, \?, \?\]/)
})

test('run takes inputs of any extent', async () => {
  const outputs = join(scratch, 'out.npz')
  const { code } = await cli(['run', artifact, '--inputs', given, '--outputs', outputs])
  expect(code).toBe(0)
  expectClose(await readNpz(outputs), await runReference(model, inputs))
})

test('bench measures with inputs, and asks for them where it has none', async () => {
  const measured = await cli(['bench', artifact, '--inputs', given, '--runs', '3', '--json'])
  expect(measured.code).toBe(0)
  const refused = await cli(['bench', artifact, '--runs', '3'])
  expect(refused.code).not.toBe(0)
  expect(refused.stderr).toContain('--inputs')
})

test('a batch that was taken as 1 is refused with what to do', async () => {
  const pinned = join(scratch, 'pinned.onnx')
  const network = {
    opset: 17,
    inputs: { x: { dtype: 'float32' as const, shape: ['N', 3] } },
    nodes: [{ op: 'Relu', inputs: ['x'], outputs: ['y'] }],
    outputs: ['y'],
  }
  writeFileSync(pinned, onnxModel(network))
  const one = join(scratch, 'one.tvm')
  const { stdout } = await cli(['compile', pinned, '-o', one, '--no-cache'])
  expect(stdout).toContain('x[0] = 1; --shape says otherwise, --executor vm leaves them open')
  const four = join(scratch, 'four.npz')
  await writeNpz(four, { x: random([4, 3]) })
  const { code, stderr } = await cli(['run', one, '--inputs', four])
  expect(code).not.toBe(0)
  expect(stderr).toContain('the model leaves dimension 0 open and it was taken as 1')
  expect(stderr).toContain('--executor vm')
})
