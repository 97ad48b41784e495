import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { boardModelSchema } from '#lib/automate/board-model.js'
import { compilerFor, compilerModelSchema, cxxOf } from '#lib/automate/compiler-model.js'
import { compile } from '#lib/compile/compile.js'
import { readArtifact } from '#lib/session/artifact.js'
import { network } from '../support/artifacts.js'

const aarch64 = { machine: 'aarch64', vendor: 'unknown', os: 'linux', environment: 'gnu' }
const arm = { ...aarch64, machine: 'arm', environment: 'gnueabihf' }
const board = (multiarch = false) =>
  boardModelSchema.parse({
    name: 'b',
    os: { triple: aarch64, distribution: 'debian', release: 12, description: '', multiarch },
  })
const compiler = (name: string, version: string | number, more: object = {}) =>
  compilerModelSchema.parse({
    name,
    version,
    triples: [aarch64],
    toolchain: 'gcc',
    basedir: '/usr',
    cxx: 'g++',
    prefix: 'aarch64-linux-gnu-',
    ...more,
  })

test('the newest gcc that fits the board, by numbers; else the newest of all', () => {
  const known = [
    compiler('old', '9.4'),
    compiler('new', '10.2.1'),
    compiler('newest', '17.1', { toolchain: 'llvm' }),
    compiler('other', 99, { triples: [arm] }),
  ]
  expect(compilerFor(board(), known)?.name).toBe('new')
  expect(compilerFor(board(), known.slice(2))?.name).toBe('newest')
  expect(compilerFor(board(), known.slice(3))).toBeUndefined()
  expect(compilerFor(board(true), known)).toBeUndefined()
  expect(compilerFor(board(true), [compiler('m', 1, { multiarch: true })])?.name).toBe('m')
  expect(compilerFor(boardModelSchema.parse({ name: 'c' }), known)).toBeUndefined()
})

const cxx = cxxOf(compiler('gcc', 12))

test('its compiler links for the board (where g++-aarch64-linux-gnu is installed)', {
  timeout: 120_000,
  skip: !existsSync(cxx),
}, async () => {
  const { model } = network('kws_dscnn')
  const options = { target: 'llvm -mtriple=aarch64-linux-gnu', cache: false }
  await using artifact = await compile(model, { ...options, linker: cxx })
  const { members } = await readArtifact(artifact.path)
  const library = Buffer.from(members['lib.so'] as Uint8Array)
  expect(library.readUInt16LE(18)).toBe(183)
  // What gcc leaves in what it links.
  expect(library.includes('GCC: ')).toBe(true)
  await expect(compile(model, { ...options, linker: '/no/g++' })).rejects.toMatchObject({ code: 'ERR_LINK' })
})
