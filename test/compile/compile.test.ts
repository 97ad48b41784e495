import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { compile } from '#lib/compile/compile.js'
import { load } from '#lib/session/load.js'
import { tensor } from '#lib/tensor.js'
import { largestDifference, network } from '../support/artifacts.js'
import { type ModelDescription, onnxModel } from '../support/onnx-writer.js'
import { childrenOf } from '../support/processes.js'
import { scratchFolder } from '../support/scratch.js'

const scratch = scratchFolder()
const { model, inputs, outputs } = network('kws_dscnn')
const temporary = join(scratch, 'tmp')
mkdirSync(temporary)

beforeEach(() => {
  process.env.TMPDIR = temporary
})

const add: ModelDescription = {
  opset: 13,
  inputs: { x: { dtype: 'float32', shape: ['n', 2] } },
  nodes: [{ op: 'Add', inputs: ['x', 'x'], outputs: ['y'] }],
  outputs: ['y'],
}

test('an artifact says what it was made from, for and with', async () => {
  await using artifact = await compile(model, { target: 'llvm -mcpu=skylake-avx512' })
  const sha256 = createHash('sha256').update(readFileSync(model)).digest('hex')
  expect(artifact.metadata).toMatchObject({
    format: 1,
    name: 'model',
    modelHash: sha256,
    libraryVersion: '0.18.0',
    executor: 'graph',
    optLevel: 3,
    inputs: [{ name: 'data', shape: [1, 1, 49, 10], dtype: 'float32' }],
    outputs: [{ name: Object.keys(outputs)[0], shape: [1, 12], dtype: 'float32' }],
  })
  expect(artifact.metadata.cpuFeatures).toEqual(expect.arrayContaining(['avx2', 'avx512f', 'fma']))
})

test('a model given as bytes is the same as one given as a file', async () => {
  await using fromBytes = await compile(readFileSync(model))
  await using fromFile = await compile(model)
  expect(fromBytes.metadata.modelHash).toBe(fromFile.metadata.modelHash)
  await using session = await load(fromBytes)
  const results = await session.run(inputs)
  for (const [name, expected] of Object.entries(outputs)) {
    expect(largestDifference(results[name], expected)).toBeLessThan(1e-5)
  }
})

test('the same model compiles to the same artifact', async () => {
  // Of several object files, which threads finish in any order.
  await using first = await compile(model)
  await using second = await compile(model)
  expect(readFileSync(second.path).equals(readFileSync(first.path))).toBe(true)
})

test('a network without any operator', async () => {
  const copy = onnxModel({ ...add, nodes: [{ op: 'Identity', inputs: ['x'], outputs: ['y'] }] })
  await using artifact = await compile(copy, { shapes: { x: [1, 2] } })
  await using session = await load(artifact)
  const { y } = await session.run({ x: tensor(Float32Array.of(3, 4), [1, 2]) })
  expect(y?.data).toEqual(Float32Array.of(3, 4))
})

test('a kernel does not check what the session has checked, unless asked to', async () => {
  await using plain = await compile(onnxModel(add), { target: 'llvm' })
  await using checked = await compile(onnxModel(add), {
    target: 'llvm',
    config: { 'tir.disable_assert': false },
  })
  const says = async (artifact: { path: string }) =>
    readFileSync(artifact.path).includes('is expected to equal')
  expect(await says(checked)).toBe(true)
  expect(await says(plain)).toBe(false)
})

test.each([0, 1, 2, 3, 4])('optimisation level %i gives the right numbers', async (optLevel) => {
  await using artifact = await compile(network('ad_autoencoder').model, { optLevel })
  await using session = await load(artifact)
  const { inputs: given, outputs: wanted } = network('ad_autoencoder')
  const results = await session.run(given)
  for (const [name, expected] of Object.entries(wanted)) {
    expect(largestDifference(results[name], expected)).toBeLessThan(1e-4)
  }
})

test('open dimensions are what the caller says, else a batch of one', async () => {
  await using one = await compile(onnxModel(add))
  expect(one.metadata.inputs[0]?.shape).toEqual([1, 2])
  expect(one.metadata.assumed).toMatchObject([{ input: 'x', axis: 0, extent: 1 }])
  await using three = await compile(onnxModel(add), { shapes: { x: [3, 2] } })
  expect(three.metadata.outputs[0]?.shape).toEqual([3, 2])
  expect(three.metadata.assumed).toEqual([])
})

test('inputs on whose values shapes depend can be fixed', async () => {
  const reshape: ModelDescription = {
    opset: 13,
    inputs: { x: { dtype: 'float32', shape: [2, 3] }, shape: { dtype: 'int64', shape: [2] } },
    nodes: [{ op: 'Reshape', inputs: ['x', 'shape'], outputs: ['y'] }],
    outputs: ['y'],
  }
  await expect(compile(onnxModel(reshape), { executor: 'graph' })).rejects.toMatchObject({
    code: 'ERR_DYNAMIC_SHAPE',
    message: expect.stringContaining("fix the values of 'shape'"),
    details: { inputs: ['shape'] },
  })
  await using artifact = await compile(onnxModel(reshape), {
    constants: { shape: tensor(BigInt64Array.of(3n, 2n)) },
  })
  expect(artifact.metadata.inputs.map(({ name }) => name)).toEqual(['x'])
  expect(artifact.metadata.outputs[0]?.shape).toEqual([3, 2])
  const wrong = compile(onnxModel(reshape), { constants: { shpe: tensor(BigInt64Array.of(3n, 2n)) } })
  await expect(wrong).rejects.toMatchObject({
    code: 'ERR_INVALID_ARGUMENT',
    message: expect.stringMatching(/did you mean 'shape'/),
  })
})

test('progress names the phases in order and how far they are', async () => {
  const seen: { phase: string; fraction: number }[] = []
  await using _ = await compile(model, {
    onProgress: ({ phase, fraction = -1 }) => {
      if (seen.at(-1)?.phase !== phase) seen.push({ phase, fraction })
    },
  })
  expect(seen.map(({ phase }) => phase)).toEqual(['import', 'optimize', 'codegen', 'link', 'write'])
  const fractions = seen.map(({ fraction }) => fraction)
  expect(fractions).toEqual([...fractions].sort((a, b) => a - b))
  expect(fractions.every((fraction) => fraction >= 0 && fraction <= 1)).toBe(true)
})

test('compilations run side by side', async () => {
  const artifacts = await Promise.all(
    Array.from({ length: 4 }, (_, n) => compile(onnxModel(add), { shapes: { x: [n + 1, 2] } })),
  )
  expect(artifacts.map(({ metadata }) => metadata.inputs[0]?.shape[0])).toEqual([1, 2, 3, 4])
  await Promise.all(artifacts.map((artifact) => artifact.dispose()))
})

describe('an end before the end', () => {
  test.each(['import', 'optimize', 'codegen', 'link'])('abort in phase %s', async (phase) => {
    const before = childrenOf()
    const controller = new AbortController()
    const reason = new Error('stop')
    let at = 0
    const call = compile(network('ic_resnet8').model, {
      signal: controller.signal,
      onProgress: (event) => {
        if (event.phase !== phase || at > 0) return
        at = performance.now()
        controller.abort(reason)
      },
    })
    await expect(call).rejects.toBe(reason)
    expect(performance.now() - at).toBeLessThan(2000)
    expect(childrenOf().filter((pid) => !before.includes(pid))).toEqual([])
    expect(readdirSync(temporary)).toEqual([])
  })

  test('a crash', async () => {
    const before = childrenOf()
    const call = compile(network('ic_resnet8').model, {
      onProgress: ({ phase }) => {
        if (phase !== 'codegen') return
        for (const pid of childrenOf()) if (!before.includes(pid)) process.kill(pid, 'SIGSEGV')
      },
    })
    await expect(call).rejects.toMatchObject({ code: 'ERR_ENGINE_CRASHED', details: { phase: 'codegen' } })
    expect(readdirSync(temporary)).toEqual([])
  })
})

describe('saving', () => {
  test('a folder that cannot be written, a place that is a folder', async () => {
    await using artifact = await compile(onnxModel(add))
    await expect(artifact.save(join(scratch, 'none', 'x'))).rejects.toMatchObject({
      code: 'ERR_WRITE_FAILED',
    })
    const place = join(scratch, 'a-folder')
    mkdirSync(place)
    writeFileSync(join(place, 'kept'), '')
    await expect(artifact.save(place)).rejects.toMatchObject({ code: 'ERR_WRITE_FAILED' })
    expect(readdirSync(place)).toEqual(['kept'])
    expect(readdirSync(scratch).filter((name) => name.includes('a-folder'))).toEqual(['a-folder'])
  })
  test('a file that is there is replaced; the artifact outlives its source', async () => {
    const path = join(scratch, 'saved.tvm')
    writeFileSync(path, 'old')
    const artifact = await compile(onnxModel(add))
    await artifact.save(path)
    await artifact.dispose()
    expect(existsSync(artifact.path)).toBe(false)
    await using session = await load(path)
    const { y } = await session.run({ x: tensor(Float32Array.of(1, -2), [1, 2]) })
    expect(y?.data).toEqual(Float32Array.of(2, -4))
  })
})

describe('bad input', () => {
  test.each([
    ['ERR_MODEL_READ', join(scratch, 'none.onnx'), {}],
    ['ERR_MODEL_READ', scratch, {}],
    ['ERR_NOT_ONNX', Buffer.from('{"not": "onnx"}'), {}],
    ['ERR_NOT_ONNX', new Uint8Array(), {}],
    ['ERR_MODEL_TRUNCATED', readFileSync(model).subarray(0, 40_000), {}],
    ['ERR_UNKNOWN_TARGET', model, { target: 'lvm' }],
    ['ERR_UNKNOWN_TARGET', model, { target: '' }],
    ['ERR_UNKNOWN_TARGET', model, { target: 'llvm -mcpu=nosuchcpu' }],
    ['ERR_INVALID_ARGUMENT', model, { optLevel: 5 }],
    ['ERR_INVALID_ARGUMENT', model, { shapes: { dta: [1] } }],
    ['ERR_INVALID_ARGUMENT', model, { shapes: { data: [1, 2] } }],
    ['ERR_INVALID_ARGUMENT', model, { tagret: 'llvm' }],
    ['ERR_INVALID_ARGUMENT', 7, {}],
  ])('%s for %s with %j', async (code, source, options) => {
    await expect(compile(source as never, options as never)).rejects.toMatchObject({
      name: 'TvmNodeError',
      code,
    })
    expect(readdirSync(temporary)).toEqual([])
  })

  test('all unknown operators are named at once', async () => {
    const nodes = ['Frob', 'Relu', 'Knob', 'Frob'].map((op, i) => ({
      op,
      name: `n${i}`,
      inputs: [i === 0 ? 'x' : `t${i - 1}`],
      outputs: [`t${i}`],
    }))
    const error = await compile(onnxModel({ ...add, nodes, outputs: ['t3'] })).catch((reason) => reason)
    expect(error.code).toBe('ERR_UNSUPPORTED_OPERATOR')
    const { operators } = error.details as { operators: { operator: string; nodes: string[] }[] }
    expect(operators.map(({ operator, nodes }) => [operator, nodes])).toEqual([
      ['Frob', ['n0', 'n3']],
      ['Knob', ['n2']],
    ])
  })

  test('an unknown option is refused with the nearest one', async () => {
    const error = await compile(model, { tagret: 'llvm' } as never).catch((reason) => reason)
    expect(error.message).toMatch(/no option 'tagret'; did you mean 'target'/)
    await expect(compile(model, null as never)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' })
  })
})
