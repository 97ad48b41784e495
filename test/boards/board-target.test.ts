import { expect, test } from 'vitest'
import { checkServed, checkTarget } from '#lib/boards/board-target.js'
import { findBoard } from '#lib/boards/find.js'
import { findBundle } from '#lib/bundle/index.js'
import { run as askLibrary } from '#lib/process/library-task.js'
import { registerFunc } from '#lib/runtime/index.js'

const names = ['jetsonnano', 'jetsontx2', 'jetsonagx', 'jetsonorin']

test.each(names)('%s is refused by name where the library has no CUDA', async (name) => {
  const { path, ...without } = askLibrary()
  expect(without.code).not.toContain('cuda')
  const refusal = {
    code: 'ERR_NOT_AVAILABLE',
    message: expect.stringMatching(
      `board '${name}' .*needs CUDA; ${path} lacks code for it and its devices.*'${name}_cpu'`,
    ),
  }
  const board = findBoard(name)
  expect(() => checkServed(board, { path, ...without })).toThrow(expect.objectContaining(refusal))
  await expect(checkTarget(board)).rejects.toMatchObject(refusal)
  await checkTarget(findBoard(`${name === 'jetsonorin' ? 'jetsonnano' : name}_cpu`))
})

test('a TVM_HOME without CUDA is asked, and named', async () => {
  const { TVM_HOME } = process.env
  process.env.TVM_HOME = findBundle().dir
  try {
    await expect(checkTarget(findBoard('jetsonnano'))).rejects.toMatchObject({
      code: 'ERR_NOT_AVAILABLE',
      message: expect.stringContaining(`${process.env.TVM_HOME}/libtvm.so lacks code for it and its devices`),
    })
  } finally {
    if (TVM_HOME === undefined) delete process.env.TVM_HOME
    else process.env.TVM_HOME = TVM_HOME
  }
})

// Nobody here has a library with CUDA: this one is given the names under which such a library has its own.
test('what a library with CUDA answers is accepted', () => {
  const nothing = () => null
  registerFunc('target.build.cuda', nothing)
  expect(() => checkServed(findBoard('jetsonnano'), askLibrary())).toThrow(/lacks its devices\./)
  registerFunc('device_api.cuda', nothing)
  for (const name of names) checkServed(findBoard(name), askLibrary())
})
