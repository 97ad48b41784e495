import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { decodeBase85, encodeBase85 } from '#lib/micro/project-api/base85.js'
import { Project } from '#lib/micro/project-api/project.js'
import { scratchFolder } from '../support/scratch.js'

const scratch = scratchFolder()
const fixture = fileURLToPath(new URL('../fixtures/project-api', import.meta.url))
const archive = join(scratch, 'archive.tar')
writeFileSync(archive, 'a network')
let count = 0

function template(settings: object = {}): string {
  const folder = join(scratch, `template${count++}`)
  cpSync(fixture, folder, { recursive: true })
  writeFileSync(join(folder, 'settings.json'), JSON.stringify(settings))
  return folder
}

async function generated(settings: object = {}): Promise<Project> {
  await using project = await Project.open(template(settings))
  return project.generate(archive, join(scratch, `project${count++}`), { board: 'one' })
}

const calls = (folder: string) =>
  readFileSync(join(folder, 'calls.log'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

test('base 85 is that of Python', () => {
  // From base64.b85encode.
  expect(encodeBase85(Buffer.from('fffd00616263', 'hex'))).toBe('|NQ`AVq*')
  expect(decodeBase85('|NQ`AVq*')?.toString('hex')).toBe('fffd00616263')
  for (let size = 0; size < 12; size++) {
    const bytes = Buffer.from(Array.from({ length: size }, (_, i) => (i * 89 + 255) & 255))
    expect(decodeBase85(encodeBase85(bytes))).toEqual(bytes)
  }
  for (const wrong of ['a"bcd', '~~~~~', 'a b']) expect(decodeBase85(wrong)).toBeUndefined()
})

test('a project is generated, built, written to the board and talked to', async () => {
  const folder = template()
  await using project = await Project.open(folder)
  expect(project.info).toMatchObject({
    platform: 'loopback',
    isTemplate: true,
    modelLibraryFormat: undefined,
  })
  const target = join(scratch, 'whole')
  await using made = await project.generate(archive, target, { board: 'two' }, ['build', 'open_transport'])
  // Every option travels, with the server's own default where nothing was said.
  const complete = { board: 'two', verbose: false, stack: 4096, port: null, behaviour: null }
  expect(calls(folder)).toEqual([complete])
  expect(made.info.modelLibraryFormat).toBe(join(target, 'model.tar'))
  await made.build({ board: 'two', stack: 1 })
  expect(calls(target).at(-1)).toEqual({ ...complete, stack: 1 })
  await made.flash({ port: '/dev/null' })
  await using line = await made.openTransport()
  expect(line.timeouts).toEqual({ startRetry: 2, start: 5.5, established: 0 })
  const sent = Buffer.from(Array.from({ length: 1000 }, (_, i) => i & 255))
  await line.write(sent)
  const [first, rest] = [await line.read(1, 1), await line.read(2000, 1)]
  expect(Buffer.concat([first, rest])).toEqual(Buffer.from(sent.map((byte) => 2 * byte)))
  // What the server refuses leaves it as it was.
  await expect(line.read(1, 0.1)).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
  await expect(line.write(Buffer.alloc(0))).rejects.toMatchObject({ code: 'ERR_CONNECTION' })
  await line.write(Buffer.of(21))
  expect(await line.read(8)).toEqual(Buffer.of(42))
})

test.each([
  [{ boart: 'one' }, "did you mean 'board'"],
  [{ board: 'three' }, 'is one of one, two'],
  [{ board: 'one', stack: 'much' }, 'type int'],
  [{ board: 'one', verbose: 1 }, 'type bool'],
  [{}, "needs the option 'board' (which board)"],
])('options %o are refused before anything is generated', async (options, message) => {
  const folder = template()
  await using project = await Project.open(folder)
  const target = join(scratch, `never${count++}`)
  const refused = project.generate(archive, target, options)
  await expect(refused).rejects.toMatchObject({
    code: 'ERR_CONFIG',
    message: expect.stringContaining(message),
  })
  expect(existsSync(target)).toBe(false)
  expect(existsSync(join(folder, 'calls.log'))).toBe(false)
})

test('options that later steps require are checked before generating, too', async () => {
  await using project = await Project.open(template())
  const refused = project.generate(archive, join(scratch, 'later'), { board: 'one' }, ['build', 'flash'])
  await expect(refused).rejects.toMatchObject({
    code: 'ERR_CONFIG',
    message: expect.stringContaining("'port'"),
  })
})

test('templates and projects are not taken for each other, and nothing is written over', async () => {
  await using project = await Project.open(template())
  await expect(project.build()).rejects.toMatchObject({ code: 'ERR_CONFIG' })
  const there = join(scratch, 'there')
  mkdirSync(there)
  await expect(project.generate(archive, there, { board: 'one' })).rejects.toMatchObject({
    code: 'ERR_CONFIG',
  })
  await using made = await generated()
  await expect(made.generate(archive, join(scratch, 'no'))).rejects.toMatchObject({ code: 'ERR_CONFIG' })
})

test('a server that crashes is told with what it said', async () => {
  await using made = await generated()
  const build = made.build({ behaviour: 'crash' })
  await expect(build).rejects.toMatchObject({
    code: 'ERR_PROJECT_API',
    message: expect.stringMatching(/status 3.*out of flour/s),
  })
  await expect(made.build()).rejects.toMatchObject({ code: 'ERR_PROJECT_API' })
  // The next one works.
  await using again = await Project.open(made.directory)
  await again.build()
})

test('a server that hangs is ended at its deadline, or when the call is given up', async () => {
  await using made = await generated()
  const late = made.build({ behaviour: 'hang' }, { timeoutMs: 300 })
  await expect(late).rejects.toMatchObject({ code: 'ERR_TIMEOUT', details: { method: 'build' } })
  await using again = await Project.open(made.directory)
  const giveUp = new AbortController()
  const given = again.build({ behaviour: 'hang' }, { signal: giveUp.signal })
  giveUp.abort(new Error('enough'))
  await expect(given).rejects.toThrow('enough')
})

test('an error of the server is told with its traceback, and the server goes on', async () => {
  await using made = await generated()
  await expect(made.build({ behaviour: 'fail' })).rejects.toMatchObject({
    code: 'ERR_PROJECT_API',
    message: expect.stringContaining('in the kitchen'),
  })
  await made.build()
})

test('what is no reply ends the server', async () => {
  await using made = await generated()
  await expect(made.build({ behaviour: 'garbage' })).rejects.toThrow('no JSON: Traceback')
})

test.each([
  [{ version: 2 }, 'version 2'],
  [{ platform: 7 }, 'platform_name'],
])('a server of another interface is refused: %o', async (settings, message) => {
  await expect(Project.open(template(settings))).rejects.toMatchObject({
    code: 'ERR_PROJECT_API',
    message: expect.stringContaining(message),
  })
})

test('a transport that does not tell its timeouts is refused', async () => {
  await using made = await generated({ timeouts: { timeouts: {} } })
  await expect(made.openTransport()).rejects.toMatchObject({ code: 'ERR_PROJECT_API' })
})

test("TVM's own templates need TVM's sources", async () => {
  await using project = await Project.open(template({ platform: 'zephyr' }))
  const refused = project.generate(archive, join(scratch, 'zephyr'), { board: 'one' })
  await expect(refused).rejects.toMatchObject({
    code: 'ERR_NOT_AVAILABLE',
    message: expect.stringContaining('TVM_HOME'),
  })
})

test('a directory without a server is refused', async () => {
  await expect(Project.open(scratch)).rejects.toMatchObject({ code: 'ERR_CONFIG' })
})
