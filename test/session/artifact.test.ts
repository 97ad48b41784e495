import { createHash } from 'node:crypto'
import { closeSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { compile } from '#lib/compile/compile.js'
import { isTvmNodeError } from '#lib/errors.js'
import { readArtifact, writeArtifact } from '#lib/session/artifact.js'
import { load } from '#lib/session/load.js'
import { artifactOf } from '../support/artifacts.js'
import { cli } from '../support/cli.js'
import { type ModelDescription, onnxModel } from '../support/onnx-writer.js'
import { scratchFolder } from '../support/scratch.js'

const scratch = scratchFolder()
const relu: ModelDescription = {
  opset: 13,
  inputs: { x: { dtype: 'float32', shape: [2] } },
  nodes: [{ op: 'Relu', inputs: ['x'], outputs: ['y'] }],
  outputs: ['y'],
}
const good = join(scratch, 'good.tvm')
const path = join(scratch, 'damaged.tvm')
let bytes: Buffer

beforeAll(async () => {
  await artifactOf(relu, good)
  bytes = readFileSync(good)
})

/** The code with which a file is refused; undefined when it is not. */
const refusal = () =>
  readArtifact(path).then(
    () => undefined,
    (error: unknown) => (isTvmNodeError(error) ? error.code : String(error)),
  )

test('every byte counts', async () => {
  writeFileSync(path, bytes)
  const file = openSync(path, 'r+')
  const accepted: number[] = []
  const others = new Set<string>()
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number
    writeSync(file, Uint8Array.of(byte ^ (1 << (at % 8))), 0, 1, at)
    const code = await refusal()
    if (code === undefined) accepted.push(at)
    else if (code !== 'ERR_ARTIFACT_DAMAGED' && code !== 'ERR_NOT_ARTIFACT') others.add(code)
    writeSync(file, Uint8Array.of(byte), 0, 1, at)
  }
  closeSync(file)
  expect({ accepted, others: [...others] }).toEqual({ accepted: [], others: [] })
  expect(await refusal()).toBeUndefined()
}, 60_000)

test('a file cut short anywhere is refused, and so is one that goes on', async () => {
  writeFileSync(path, Buffer.concat([bytes, Buffer.alloc(512)]))
  expect(await refusal()).toBe('ERR_ARTIFACT_DAMAGED')
  for (let size = bytes.length - 1; size >= 0; size -= 101) {
    truncateSync(path, size)
    expect(`${size} ${await refusal()}`).toMatch(/ ERR_(ARTIFACT_DAMAGED|NOT_ARTIFACT)$/)
  }
})

test.each([
  // AMD's instruction sets of 2011, which no other CPU has; arm64 is another processor altogether.
  ['llvm -mcpu=bdver4', /lacks .*\bfma4\b.*\bxop\b.* which code for 'llvm .*-mcpu=bdver4' needs/],
  ['llvm -mtriple=aarch64-linux-gnu', /needs a processor of type arm64, this machine has x64/],
])('code for %s is refused before it runs', async (target, message) => {
  await using artifact = await compile(onnxModel(relu), { target })
  for (const isolation of ['thread', 'process'] as const) {
    await expect(load(artifact, { isolation })).rejects.toMatchObject({
      code: 'ERR_CPU_FEATURES',
      message: expect.stringMatching(message),
    })
  }
  const { code, json } = await cli(['profile', artifact.path, '--json'])
  expect({ code, error: json[0].error.code }).toEqual({ code: 1, error: 'ERR_CPU_FEATURES' })
})

describe('a file with a right sum is refused all the same', () => {
  /** The good artifact with other metadata or members. */
  async function rewritten(change: (metadata: object) => object, more: Record<string, Uint8Array[]> = {}) {
    const { metadata, members } = await readArtifact(good)
    const pieces = Object.fromEntries(Object.entries(members).map(([name, data]) => [name, [data]]))
    await writeArtifact(path, change(metadata) as never, { ...pieces, ...more })
  }
  test.each([0, 2, 99])('of format %i, older or newer: by name', async (format) => {
    await rewritten((metadata) => ({ ...metadata, format }))
    await expect(load(path)).rejects.toMatchObject({
      code: 'ERR_ARTIFACT_VERSION',
      message: expect.stringContaining(
        `has artifact format ${format}; this version of tvm-node reads format 1`,
      ),
      details: { format },
    })
  })
  test.each([
    ['format', 'one'],
    ['format', undefined],
    ['inputs', {}],
    ['inputs', [{ name: 'x', internal: 'x', shape: [-2], dtype: 'float32' }]],
    ['outputs', [{ name: 'y', shape: [2], dtype: 'float31' }]],
    ['executor', 'constructor'],
    ['cpuFeatures', [1]],
    ['schedules', null],
    ['structure', { inputs: { x: 'tensors' }, outputs: {} }],
  ])('metadata with %s %j', async (name, value) => {
    await rewritten((metadata) => ({ ...metadata, [name]: value }))
    await expect(load(path)).rejects.toMatchObject({
      code: 'ERR_ARTIFACT_DAMAGED',
      message: expect.stringContaining(`no right '${name}'`),
    })
  })
  test('a member beside those that it lists', async () => {
    await rewritten((metadata) => metadata)
    const whole = readFileSync(path, 'latin1')
    expect(await refusal()).toBeUndefined()
    // The list names another file of the same length.
    const [name] = Object.keys((await readArtifact(path)).members) as [string]
    const other = whole.replace(`"${name}": {`, `"${'x'.repeat(name.length)}": {`)
    const body = Buffer.from(other, 'latin1').subarray(0, -2048)
    const sum = createHash('sha256').update(body).digest('hex')
    const seal = Buffer.from(other.slice(-2048), 'latin1')
    seal.write(sum, 512, 'latin1')
    writeFileSync(path, Buffer.concat([body, seal]))
    await expect(load(path)).rejects.toMatchObject({
      code: 'ERR_ARTIFACT_DAMAGED',
      message: expect.stringContaining('is not what its metadata list'),
    })
  })
})
