import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from 'vitest'
import { describeEnvironment } from '#lib/compile/cache/environment.js'
import { FileStore } from '#lib/compile/cache/store.js'
import { type CompileOptions, compile } from '#lib/compile/compile.js'
import { message } from '#lib/frontend/onnx/schema.js'
import { load } from '#lib/session/load.js'
import { tensor } from '#lib/tensor.js'
import { cli } from '../support/cli.js'
import { type ModelDescription, nodeProto, onnxModel } from '../support/onnx-writer.js'
import { scratchFolder } from '../support/scratch.js'

const scratch = scratchFolder()
const dir = join(scratch, 'cache')
const path = join(scratch, 'model.onnx')
const options: CompileOptions = { target: 'llvm', cache: { dir, maxBytes: 2 ** 30 } }

const model: ModelDescription = {
  opset: 13,
  inputs: { x: { dtype: 'float32', shape: ['n', 2] }, y: { dtype: 'float32', shape: [1] } },
  nodes: [{ op: 'Add', inputs: ['x', 'y'], outputs: ['z'] }],
  outputs: ['z'],
}

beforeEach(() => {
  rmSync(dir, { recursive: true, force: true })
  writeFileSync(path, onnxModel(model))
})

/** Whether it came from the cache, and the artifact's bytes. */
async function built(source: string | Uint8Array = path, more: CompileOptions = {}) {
  await using artifact = await compile(source, { ...options, ...more })
  return { fromCache: artifact.fromCache, bytes: readFileSync(artifact.path), metadata: artifact.metadata }
}

const files = (ending: string) => readdirSync(dir).filter((name) => name.endsWith(ending))

test('a second compilation takes what the first one made', async () => {
  const first = await built()
  const second = await built()
  expect([first.fromCache, second.fromCache]).toEqual([false, true])
  expect(second.bytes.equals(first.bytes)).toBe(true)
  expect(second.metadata).toEqual(first.metadata)
  const fromBytes = await built(readFileSync(path))
  expect(fromBytes.fromCache).toBe(true)
})

describe('another', () => {
  const log = join(scratch, 'records.log')
  const cases: Record<string, { options?: CompileOptions; before?: () => void }> = {
    'content of the model': {
      before: () =>
        writeFileSync(
          path,
          onnxModel({ ...model, nodes: [{ op: 'Mul', inputs: ['x', 'y'], outputs: ['z'] }] }),
        ),
    },
    target: { options: { target: 'llvm -mcpu=znver2' } },
    level: { options: { optLevel: 1 } },
    'purpose (reusable)': { options: { reusable: true } },
    shape: { options: { shapes: { x: [3, 2] } } },
    constant: { options: { constants: { y: tensor(Float32Array.of(1), [1]) } } },
    'pass option': { options: { config: { 'tir.disable_vectorize': true } } },
    'set of records': { options: { records: [log] }, before: () => writeFileSync(log, '') },
  }
  test.each(Object.entries(cases))('%s is another network', async (_, { options = {}, before }) => {
    await built()
    before?.()
    expect((await built(path, options)).fromCache).toBe(false)
    expect((await built(path, options)).fromCache).toBe(true)
  })

  test('value of a constant is another network', async () => {
    const given = (value: number) => ({ constants: { y: tensor(Float32Array.of(value), [1]) } })
    await built(path, given(1))
    expect((await built(path, given(2))).fromCache).toBe(false)
    expect((await built(path, given(1))).fromCache).toBe(true)
  })

  test('content of a record file is another network', async () => {
    writeFileSync(log, '')
    await built(path, { records: [log] })
    writeFileSync(log, '\n')
    expect((await built(path, { records: [log] })).fromCache).toBe(false)
  })

  test('library, linker or package is another network', () => {
    const home = join(scratch, 'home')
    mkdirSync(home)
    writeFileSync(join(home, 'libtvm.so'), 'one')
    process.env.TVM_HOME = home
    try {
      const before = describeEnvironment()
      expect(describeEnvironment()).toBe(before)
      writeFileSync(join(home, 'libtvm.so'), 'two')
      utimesSync(join(home, 'libtvm.so'), 1, 1)
      const after = describeEnvironment()
      const changed = after.split('\n').filter((line, i) => line !== before.split('\n')[i])
      expect(changed).toEqual([expect.stringMatching(/^library /)])
      expect(after).toMatch(/^package \d+\.\d+\.\d+ [0-9a-f]{64}$/m)
      expect(after).toMatch(/^linker [0-9a-f]{64}$/m)
    } finally {
      delete process.env.TVM_HOME
    }
  })
})

test('data beside the model count as its content', async () => {
  const folder = join(scratch, 'external')
  mkdirSync(folder)
  const data = join(folder, 'w.bin')
  const write = (values: number[]) => writeFileSync(data, Float32Array.from(values))
  const model = join(folder, 'model.onnx')
  const graph = {
    node: [nodeProto({ op: 'Add', inputs: ['x', 'w'], outputs: ['y'] })],
    input: [{ name: 'x', type: { tensorType: { elemType: 1, shape: { dim: [{ dimValue: 2 }] } } } }],
    output: [{ name: 'y' }],
    initializer: [
      {
        name: 'w',
        dataType: 1,
        dims: [2],
        dataLocation: 1,
        externalData: [{ key: 'location', value: 'w.bin' }],
      },
    ],
  }
  const proto = { irVersion: 8, opsetImport: [{ version: 13 }], graph }
  writeFileSync(model, message('ModelProto').encode(proto).finish())
  const run = async () => {
    await using artifact = await compile(model, options)
    await using session = await load(artifact)
    const { y } = await session.run({ x: tensor(Float32Array.of(1, 1), [2]) })
    return [artifact.fromCache, Array.from(y?.data as Float32Array)]
  }
  write([1, 2])
  await sleep(200)
  expect(await run()).toEqual([false, [2, 3]])
  expect(await run()).toEqual([true, [2, 3]])
  write([5, 6])
  await sleep(200)
  expect(await run()).toEqual([false, [6, 7]])
  write([1, 2])
  expect(await run()).toEqual([true, [2, 3]])
  rmSync(data)
  await expect(run()).rejects.toMatchObject({ code: 'ERR_EXTERNAL_DATA' })
})

test('a model that changes while it is compiled is not kept', async () => {
  const other = onnxModel({ ...model, nodes: [{ op: 'Sub', inputs: ['x', 'y'], outputs: ['z'] }] })
  const original = readFileSync(path)
  await built(path, { onProgress: ({ phase }) => phase === 'optimize' && writeFileSync(path, other) })
  expect(() => readdirSync(dir)).toThrow('ENOENT')
  writeFileSync(path, original)
  expect((await built()).fromCache).toBe(false)
})

test.each([
  ['an artifact cut short', '.tvm', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
  ['an artifact with another byte', '.tvm', (bytes: Buffer) => Buffer.from(bytes).fill(1, 3000, 3001)],
  ['an empty artifact', '.tvm', () => Buffer.alloc(0)],
  ['a note that is none', '.json', () => Buffer.from('{')],
  ['a note of another kind', '.json', () => Buffer.from('[]')],
])('%s is noticed and made again', async (_, ending, damage) => {
  const first = await built()
  const [name = ''] = files(ending)
  const damaged = damage(readFileSync(join(dir, name)))
  rmSync(join(dir, name))
  writeFileSync(join(dir, name), damaged)
  const second = await built()
  expect(second.fromCache).toBe(false)
  expect(second.bytes.equals(first.bytes)).toBe(true)
  expect((await built()).fromCache).toBe(true)
})

test('an artifact at hand outlives its entry', async () => {
  await built()
  await using artifact = await compile(path, options)
  await new FileStore({ dir }).clear()
  await using session = await load(artifact)
  expect(artifact.fromCache).toBe(true)
  expect(session.metadata.target).toMatch(/^llvm/)
})

test('what was not used for longest goes first', async () => {
  const store = new FileStore({ dir, maxBytes: 250 })
  const text = 'x'.repeat(100)
  const age = (name: string, seconds: number) => {
    const time = Date.now() / 1000 - seconds
    utimesSync(store.pathOf(name), time, time)
  }
  await store.put('a', { text })
  await store.put('b', { text })
  age('a', 60)
  age('b', 120)
  await store.take('b', join(scratch, 'taken'))
  await store.put('c', { text })
  expect((await store.entries()).map(({ name }) => name).sort()).toEqual(['b', 'c'])
})

test('a limit keeps the folder small', async () => {
  const { bytes } = await built()
  const small: CompileOptions = { cache: { dir, maxBytes: bytes.length * 1.5 } }
  await built(path, { ...small, optLevel: 1 })
  await built(path, { ...small, optLevel: 2 })
  expect(files('.tvm')).toHaveLength(1)
  expect((await built(path, { ...small, optLevel: 2 })).fromCache).toBe(true)
  expect((await built(path, { cache: { dir, maxBytes: 0 } })).fromCache).toBe(false)
})

test('nothing is taken or kept when it is switched off, or when templates are programs', async () => {
  await built(path, { cache: false })
  expect(() => readdirSync(dir)).toThrow('ENOENT')
  const templates = join(scratch, 'templates.mjs')
  writeFileSync(templates, '')
  await built(path, { templates: [templates] })
  expect(() => readdirSync(dir)).toThrow('ENOENT')
})

test('a folder that cannot be used is no reason to fail', async () => {
  const blocked = join(scratch, 'blocked')
  writeFileSync(blocked, 'a file')
  chmodSync(blocked, 0o400)
  expect((await built(path, { cache: { dir: blocked } })).fromCache).toBe(false)
})

test('an abort while looking', async () => {
  const controller = new AbortController()
  const result = compile(path, { ...options, signal: controller.signal })
  controller.abort(new Error('enough'))
  await expect(result).rejects.toThrow('enough')
})

test('several processes at once, and the command line', async () => {
  const env = { XDG_CACHE_HOME: join(scratch, 'xdg'), TVM_NODE_CACHE_LIMIT: '1G' }
  mkdirSync(env.XDG_CACHE_HOME)
  const bundle = new FileStore().dir.replace(/compiled$/, '')
  const home = {
    ...env,
    TVM_HOME: join(bundle, readdirSync(bundle).find((name) => name.startsWith('tvm-')) ?? ''),
  }
  const make = (name: string, more: string[] = []) =>
    cli(['compile', path, '-o', join(scratch, name), '--target', 'llvm', '--json', ...more], { env: home })
  const results = await Promise.all([make('a.tvm'), make('b.tvm'), make('c.tvm')])
  expect(results.map(({ code }) => code)).toEqual([0, 0, 0])
  const [a, b, c] = ['a', 'b', 'c'].map((name) => readFileSync(join(scratch, `${name}.tvm`)))
  expect(a?.equals(b as Buffer) && a.equals(c as Buffer)).toBe(true)
  expect((await make('d.tvm')).json[0].from_cache).toBe(true)
  expect((await make('d.tvm', ['--no-cache'])).json[0].from_cache).toBe(false)
  const show = await cli(['cache', '--json'], { env: home })
  expect(show.json[0]).toMatchObject({ networks: 1, max_bytes: 2 ** 30 })
  await cli(['cache', 'clear'], { env: home })
  expect((await cli(['cache', 'show', '--json'], { env: home })).json[0].networks).toBe(0)
  const bad = await cli(['cache'], { env: { ...home, TVM_NODE_CACHE_LIMIT: 'much' } })
  expect(bad.stderr).toContain('TVM_NODE_CACHE_LIMIT')
})
