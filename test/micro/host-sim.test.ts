import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { TvmBackend } from '#lib/backend/backend.js'
import type { BoardInput } from '#lib/boards/board.js'
import { buildFor } from '#lib/boards/build-options.js'
import { findBoard } from '#lib/boards/find.js'
import { openBoard } from '#lib/boards/open.js'
import { compile } from '#lib/compile/compile.js'
import { readArtifact } from '#lib/session/artifact.js'
import { load } from '#lib/session/load.js'
import { tensor } from '#lib/tensor.js'
import { artifactOf, largestDifference, network } from '../support/artifacts.js'
import { cli } from '../support/cli.js'
import { onnxModel } from '../support/onnx-writer.js'
import { childrenOf } from '../support/processes.js'
import { until } from '../support/rpc.js'
import { scratchFolder } from '../support/scratch.js'
import { hasTool } from '../support/tools.js'

const folder = scratchFolder()
const board = findBoard('host_sim')
const withCompiler = test.skipIf(!hasTool('cc'))
/** Outputs of quantised networks are few steps, which must be the same ones. */
const EXACT = 1e-7

withCompiler.each([
  ['kws_dscnn', 1e-5],
  ['kws_dscnn_int8', EXACT],
  ['ad_autoencoder', 1e-5],
] as const)('%s gives what it gives on this machine (needs cc)', async (name, tolerance) => {
  const { model, inputs } = network(name)
  await using here = await compile(model, { target: 'llvm' })
  await using local = await load(here)
  const expected = await local.run(inputs)
  await using artifact = await compile(model, buildFor(board))
  await using connection = openBoard(board)
  const session = await connection.upload(artifact)
  for (const _ of [1, 2]) {
    const outputs = await session.run(inputs)
    for (const [output, wanted] of Object.entries(expected)) {
      const largest = Math.max(1, ...Array.from(wanted.data as Float32Array, Math.abs))
      expect(largestDifference(outputs[output], wanted)).toBeLessThan(tolerance * largest)
    }
  }
})

test('tensors of a program are aligned as its board asks', { timeout: 60_000 }, async () => {
  const { model } = network('kws_dscnn_int8')
  const offsets = async (aot: object) => {
    const described = findBoard({ ...board, name: 'aligned', micro: { ...board.micro, aot } } as BoardInput)
    await using artifact = await compile(model, buildFor(described))
    const { members } = await readArtifact(artifact.path)
    const code = Object.values(members)
      .map((data) => Buffer.from(data).toString())
      .join('\n')
    const of = (pattern: RegExp) => [...code.matchAll(pattern)].map(([, offset]) => Number(offset))
    return {
      workspace: of(/global_workspace_\d+_var\[(\d+)\]/g),
      constants: of(/const_workspace_\d+_var\[(\d+)\]/g),
    }
  }
  const usual = await offsets({})
  const wide = await offsets({ workspace_byte_alignment: 64, constant_byte_alignment: 128 })
  for (const offset of [...usual.workspace, ...usual.constants]) expect(offset % 8).toBe(0)
  for (const offset of wide.workspace) expect(offset % 64).toBe(0)
  for (const offset of wide.constants) expect(offset % 128).toBe(0)
  expect(wide.constants.length).toBeGreaterThan(10)
  expect(wide.constants).not.toEqual(usual.constants)
  expect(wide.workspace).not.toEqual(usual.workspace)
})

withCompiler("a board's own statements run before and after all sessions (needs cc)", async () => {
  const { model, inputs } = network('kws_dscnn_int8')
  const notes = join(folder, 'notes')
  const note = (what: string) => `FILE* f = fopen("${notes}", "a"); fputs("${what} ", f); fclose(f);`
  const aot = { includes: ['<stdio.h>', 'model.h'], prologue: note('begun'), epilogue: note('ended') }
  const described = findBoard({ ...board, name: 'noting', micro: { ...board.micro, aot } } as BoardInput)
  await using artifact = await compile(model, buildFor(described))
  await using connection = openBoard(described)
  await connection.upload(artifact)
  await connection.run(inputs)
  expect(readFileSync(notes, 'utf8')).toBe('begun ')
  await connection.close()
  await until(() => readFileSync(notes, 'utf8') === 'begun ended ')
})

withCompiler('a network that would work in more than the board allows is refused (needs cc)', async () => {
  const { model } = network('kws_dscnn_int8')
  const aot = { workspace_bytes: 39_000 }
  const described = findBoard({ ...board, name: 'small', micro: { ...board.micro, aot } } as BoardInput)
  await using artifact = await compile(model, buildFor(described))
  await using connection = openBoard(described)
  await expect(connection.upload(artifact)).rejects.toMatchObject({
    code: 'ERR_BOARD_MEMORY',
    message: expect.stringMatching(/1000 bytes more of workspace \(micro\.aot\.workspace_bytes\)/),
    details: { kind: 'workspace', bytes: 1000 },
  })
})

/** Types of all sizes, an input that is a number, two outputs. */
const mixed = onnxModel({
  opset: 17,
  inputs: {
    'first:0': { dtype: 'int8', shape: [3] },
    chosen: { dtype: 'bool', shape: [3] },
    in: { dtype: 'int64', shape: [] },
    real: { dtype: 'float32', shape: [2, 2] },
  },
  nodes: [
    { op: 'Where', inputs: ['chosen', 'first:0', 'sevens'], outputs: ['picked'] },
    { op: 'Add', inputs: ['in', 'in'], outputs: ['twice'] },
    { op: 'Transpose', inputs: ['real'], outputs: ['turned'], attrs: { perm: [1, 0] } },
    { op: 'Not', inputs: ['chosen'], outputs: ['others'] },
  ],
  outputs: ['picked', 'twice', 'turned', 'others'],
  initializers: { sevens: tensor(Int8Array.of(7, 7, 7)) },
})

withCompiler('inputs and outputs have their own names and types on a board (needs cc)', async () => {
  await using artifact = await compile(mixed, buildFor(board))
  await using connection = openBoard(board)
  await connection.upload(artifact)
  const outputs = await connection.run({
    'first:0': tensor(Int8Array.of(1, -2, 3)),
    chosen: tensor(Uint8Array.of(1, 0, 1), [3], 'bool'),
    in: tensor(BigInt64Array.of(-(2n ** 40n)), []),
    real: tensor(Float32Array.of(1, 2, 3, 4), [2, 2]),
  })
  expect(outputs).toEqual({
    picked: tensor(Int8Array.of(1, 7, 3)),
    twice: tensor(BigInt64Array.of(-(2n ** 41n)), []),
    turned: tensor(Float32Array.of(1, 3, 2, 4), [2, 2]),
    others: tensor(Uint8Array.of(0, 1, 0), [3], 'bool'),
  })
})

const adding = (value: number) =>
  onnxModel({
    opset: 17,
    inputs: { x: { dtype: 'float32', shape: [4] } },
    nodes: [{ op: 'Add', inputs: ['x', 'b'], outputs: ['y'] }],
    outputs: ['y'],
    initializers: { b: tensor(new Float32Array(4).fill(value)) },
  })
const x = tensor(new Float32Array(4))

withCompiler('programs follow each other on a board, of which no process is left (needs cc)', async () => {
  const before = childrenOf().length
  await using one = await compile(adding(1), buildFor(board))
  await using two = await compile(adding(2), buildFor(board))
  const connection = openBoard(board)
  for (const [artifact, value] of [
    [one, 1],
    [two, 2],
    [one, 1],
  ] as const) {
    await connection.upload(artifact)
    expect(await connection.run({ x })).toMatchObject({ y: { data: new Float32Array(4).fill(value) } })
  }
  await connection.close()
  await expect.poll(() => childrenOf().length).toBeLessThanOrEqual(before + 2)
})

withCompiler('a board tells of time and memory (needs cc)', async () => {
  await using artifact = await compile(network('kws_dscnn').model, buildFor(board))
  await using connection = openBoard(board)
  const session = await connection.upload(artifact)
  const { inputs } = network('kws_dscnn')
  const { metrics } = await session.profile(inputs, { repeat: 3 })
  expect(metrics.latencyUs).toMatchObject({ median: expect.any(Number) })
  expect(metrics.latencyUs.median).toBeGreaterThan(1)
  await session.usage?.()
  await session.run(inputs)
  const usage = await session.usage?.()
  expect(usage?.us).toBeGreaterThan(metrics.latencyUs.min / 10)
  // At least what the largest activation takes.
  expect(usage?.memory.variables).toBeGreaterThan(64 * 25 * 5 * 4)
})

withCompiler('a board that ends in the middle of its work is taken anew (needs cc)', async () => {
  const dying = {
    ...board,
    name: 'dying',
    micro: { ...board.micro, simulator: ['/bin/sh', '-c', 'sleep 0.1'] },
  }
  await using artifact = await compile(adding(1), buildFor(board))
  await using dead = openBoard({ ...board, ...dying } as typeof board)
  await expect(dead.upload(artifact)).rejects.toMatchObject({
    code: 'ERR_BOARD',
    details: { phase: 'upload', code: 'ERR_CONNECTION' },
  })
  const talking = { ...board.micro, simulator: ['/bin/sh', '-c', 'echo no such machine >&2'] }
  await using silent = openBoard({ ...board, micro: talking } as typeof board)
  await expect(silent.upload(artifact)).rejects.toThrow('no such machine')
})

withCompiler(
  'artifacts for sessions are no programs for boards, and the other way round (needs cc)',
  async () => {
    const path = await artifactOf(
      {
        opset: 17,
        inputs: { x: { dtype: 'float32', shape: [1] } },
        nodes: [{ op: 'Abs', inputs: ['x'], outputs: ['y'] }],
        outputs: ['y'],
      },
      join(folder, 'session.tvm'),
    )
    await using connection = openBoard(board)
    await expect(connection.upload(path)).rejects.toThrow('--board host_sim')
    await using artifact = await compile(adding(1), buildFor(board))
    await expect(load(artifact)).rejects.toMatchObject({ code: 'ERR_CPU_FEATURES' })
  },
)

withCompiler('a backend prepares, runs and profiles on a board (needs cc)', async () => {
  await using backend = await TvmBackend.create({ board: 'host_sim', tune: false })
  await backend.prepare(adding(3))
  expect(await backend.run({ x })).toMatchObject({ y: { data: new Float32Array(4).fill(3) } })
  const { metrics } = await backend.profile({ x }, { repeat: 2 })
  expect(metrics).toMatchObject({ parameter_bytes: 16, duration: expect.any(Number) })
  await backend.prepare(adding(4))
  expect(await backend.run({ x })).toMatchObject({ y: { data: new Float32Array(4).fill(4) } })
})

withCompiler('the command line compiles for a board and runs there (needs cc)', async () => {
  const { model } = network('kws_dscnn')
  const artifact = join(folder, 'kws.tvm')
  const compiled = await cli(['compile', model, '--board', 'host_sim', '-o', artifact, '--json'])
  expect(JSON.parse(compiled.stdout)).toMatchObject({ executor: 'aot' })
  const profiled = await cli(['profile', artifact, '--board', 'host_sim', '--repeat', '2', '--json'])
  expect(JSON.parse(profiled.stdout)).toMatchObject({
    metrics: { latencyUs: { median: expect.any(Number) } },
  })
})
