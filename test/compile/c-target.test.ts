import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { compile } from '#lib/compile/compile.js'
import { load } from '#lib/session/load.js'
import { tensor } from '#lib/tensor.js'
import { cli, startCli } from '../support/cli.js'
import { type ModelDescription, onnxModel } from '../support/onnx-writer.js'
import { isRunning } from '../support/processes.js'
import { scratchFolder } from '../support/scratch.js'
import { hasTool } from '../support/tools.js'

const fixtures = fileURLToPath(new URL('../fixtures', import.meta.url))
const scratch = scratchFolder()

const networks = [
  ...readdirSync(join(fixtures, 'models'))
    .filter((name) => !name.includes('.'))
    .map((name) => join(fixtures, 'models', name)),
  ...['kws_dscnn_int8', 'kws_tcresnet8_int8'].map((name) => join(fixtures, 'quantized', name)),
]

test.skipIf(!hasTool('cc'))(
  'networks compiled as C give their outputs (needs cc)',
  async () => {
    const { json } = await cli(['verify', ...networks, '--target', 'c', '--jobs', '2', '--json'])
    expect(networks.length).toBeGreaterThanOrEqual(7)
    expect(json.filter(({ ok }) => !ok)).toEqual([])
    expect(json.length).toBe(networks.length)
  },
  120_000,
)

/** y = f(x) with numbers that seven digits do not tell apart from others, and with infinity. */
const constants: ModelDescription = {
  opset: 13,
  inputs: { x: { dtype: 'float32', shape: [4] }, z: { dtype: 'float64', shape: [2] } },
  initializers: {
    large: tensor(Float32Array.of(16777213), []),
    small: tensor(Float32Array.of(1.17549449e-38), []),
    tenth: tensor(Float32Array.of(0.1), []),
    infinite: tensor(Float32Array.of(Number.NEGATIVE_INFINITY), []),
    third: tensor(Float64Array.of(1 / 3), []),
  },
  nodes: [
    { op: 'Add', inputs: ['x', 'large'], outputs: ['added'] },
    { op: 'Mul', inputs: ['x', 'small'], outputs: ['scaled'] },
    { op: 'Mul', inputs: ['x', 'tenth'], outputs: ['tenths'] },
    { op: 'Add', inputs: ['x', 'infinite'], outputs: ['unbounded'] },
    { op: 'Mul', inputs: ['z', 'third'], outputs: ['thirds'] },
  ],
  outputs: ['added', 'scaled', 'tenths', 'unbounded', 'thirds'],
}

test.skipIf(!hasTool('cc'))('constants keep all their digits in C (needs cc)', async () => {
  await using artifact = await compile(onnxModel(constants), { target: 'c' })
  await using session = await load(artifact)
  const x = Float32Array.of(1, -3, 7, 0.3)
  const z = Float64Array.of(1, 7)
  const { added, scaled, tenths, unbounded, thirds } = await session.run({ x: tensor(x), z: tensor(z) })
  expect(added?.data).toEqual(x.map((value) => Math.fround(value + 16777213)))
  expect(scaled?.data).toEqual(x.map((value) => value * Math.fround(1.17549449e-38)))
  expect(tenths?.data).toEqual(x.map((value) => value * Math.fround(0.1)))
  expect(unbounded?.data).toEqual(x.map(() => Number.NEGATIVE_INFINITY))
  expect(thirds?.data).toEqual(z.map((value) => value * (1 / 3)))
})

test('without a C compiler the error says what to install', async () => {
  const args = ['compile', join(fixtures, 'models', 'kws_dscnn', 'model.onnx'), '--target', 'c', '--json']
  const output = join(scratch, 'never.tvm')
  const { code, json } = await cli([...args, '-o', output], { env: { PATH: scratch } })
  expect(code).toBe(1)
  expect(json[0].error).toMatchObject({ code: 'ERR_NO_C_COMPILER', message: expect.stringContaining('gcc') })
})

test('what the compiler complains of is told, shortly', async () => {
  const compiler = script('complain', 'case "$1" in --version) echo 1;; *) seq 100 >&2; exit 1;; esac')
  const args = ['compile', join(fixtures, 'models', 'kws_dscnn', 'model.onnx'), '--target', 'c', '--json']
  const { json } = await cli([...args, '-o', join(scratch, 'never.tvm')], { env: { CC: compiler } })
  expect(json[0].error).toMatchObject({ code: 'ERR_C_COMPILER' })
  expect(json[0].error.message).toMatch(/1\n2\n3\n4\n5\n6$/)
})

test('Ctrl-C ends the compiler too', async () => {
  const pidFile = join(scratch, 'pid')
  const compiler = script(
    'slow',
    `case "$1" in --version) echo 1;; *) sh -c 'echo $$ >> ${pidFile}; sleep 60';; esac`,
  )
  const model = join(fixtures, 'models', 'kws_dscnn', 'model.onnx')
  const args = ['compile', model, '--target', 'c', '-o', join(scratch, 'never.tvm')]
  const { child, result } = startCli(args, { env: { CC: compiler } })
  const compilers = () =>
    existsSync(pidFile) ? readFileSync(pidFile, 'utf8').trim().split('\n').map(Number) : []
  await expect.poll(compilers, { timeout: 20_000 }).not.toEqual([])
  expect(compilers().every(isRunning)).toBe(true)
  child.kill('SIGINT')
  await result
  expect(compilers().filter(isRunning)).toEqual([])
}, 30_000)

function script(name: string, body: string): string {
  const folder = join(scratch, 'bin')
  mkdirSync(folder, { recursive: true })
  const path = join(folder, name)
  writeFileSync(path, `#!/bin/sh\n${body}\n`, { mode: 0o755 })
  return path
}
