import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  adoptParallelLoops,
  CallThread,
  getGlobalFunc,
  type Module,
  openLibrary,
} from '#lib/runtime/index.js'
import { scratchFolder } from '../support/scratch.js'

const scratch = scratchFolder()
const source = fileURLToPath(new URL('../fixtures/parallel-loops.c', import.meta.url))

/** Compiles and loads the fixture; `call` runs one of its functions on a thread. */
function library(name: string, flags: readonly string[]) {
  const path = join(scratch, `${name}.so`)
  execFileSync('cc', ['-shared', '-fPIC', '-O1', ...flags, '-o', path, source])
  const module = getGlobalFunc('runtime.ModuleLoadFromFile')(path, '') as Module
  const find = (name: string) => {
    const found = module.getFunction(name)
    if (!found) throw new Error(`there is no ${name}`)
    return found
  }
  return {
    adopted: adoptParallelLoops(path),
    call: (thread: CallThread, name: string, ...args: number[]) => find(name).callOn(thread, ...args),
    here: (thread: CallThread, name: string, ...args: number[]) =>
      thread.runHere([[find(name), args]]).values[0],
  }
}

let plain: ReturnType<typeof library>
let waiting: ReturnType<typeof library>
beforeAll(() => {
  openLibrary()
  plain = library('plain', [])
  waiting = library('waiting', ['-DWITH_BARRIER'])
})

test('loops of a loaded library are adopted, and only those', () => {
  expect(plain.adopted).toBe(true)
  const bare = join(scratch, 'bare.so')
  execFileSync('cc', ['-shared', '-fPIC', '-x', 'c', '-o', bare, '-'], {
    input: 'int nothing(void) { return 0; }',
  })
  expect(() => adoptParallelLoops(bare)).toThrow(/not loaded/)
  getGlobalFunc('runtime.ModuleLoadFromFile')(bare, '')
  expect(adoptParallelLoops(bare)).toBe(false)
})

describe.each([1, 2, 3, 8])('with %i threads', (threads) => {
  test('every step of a loop runs once, whatever its extent', async () => {
    using thread = new CallThread(threads)
    for (const extent of [0, 1, 2, 17, 31, 32, 33, 1000, 4096]) {
      expect(await plain.call(thread, 'cover', extent)).toBe(extent)
      expect(plain.here(thread, 'cover', extent)).toBe(extent)
    }
  })

  test('thousands of short loops in a row are right', async () => {
    using thread = new CallThread(threads)
    for (let i = 0; i < 3000; i++) expect(plain.here(thread, 'cover', 64)).toBe(64)
  })

  test('a task that fails ends the loop with its own message', async () => {
    using thread = new CallThread(threads)
    for (const at of [0, 50, 99]) {
      await expect(plain.call(thread, 'fail', at)).rejects.toMatchObject({
        code: 'ERR_TVM',
        message: /no luck/,
      })
      expect(() => plain.here(thread, 'fail', at)).toThrow(/no luck/)
    }
    expect(await plain.call(thread, 'cover', 100)).toBe(100)
  })

  test('a loop within a task runs there', async () => {
    using thread = new CallThread(threads)
    expect(await plain.call(thread, 'nest')).toBe(1)
  })

  test('that many take part', async () => {
    using thread = new CallThread(threads)
    expect(await plain.call(thread, 'threads')).toBe(threads)
    expect(plain.here(thread, 'threads')).toBe(threads)
  })

  test('tasks that wait for each other have a thread each', async () => {
    using thread = new CallThread(threads)
    expect(await waiting.call(thread, 'phases')).toBe(threads)
    await expect(waiting.call(thread, 'desert')).rejects.toThrow(/not there/)
    expect(await waiting.call(thread, 'phases')).toBe(threads)
  })
})

test('loops of several threads run beside each other', async () => {
  const threads = Array.from({ length: 4 }, () => new CallThread(3))
  const calls = threads.flatMap((thread) =>
    Array.from({ length: 50 }, () => plain.call(thread, 'cover', 777)),
  )
  expect(await Promise.all(calls)).toEqual(calls.map(() => 777))
  for (const thread of threads) thread.dispose()
})

test('workers sleep soon after work and are gone after dispose', async () => {
  const workers = () =>
    readdirSync('/proc/self/task').filter((id) => {
      try {
        return readFileSync(`/proc/self/task/${id}/comm`, 'utf8').startsWith('tvm-node-worker')
      } catch {
        return false
      }
    })
  await expect.poll(workers).toEqual([])
  const thread = new CallThread(5)
  await plain.call(thread, 'cover', 4096)
  expect(workers()).toHaveLength(4)
  const switches = () =>
    workers().map((id) => readFileSync(`/proc/self/task/${id}/schedstat`, 'utf8').split(' ')[0])
  await new Promise((resolve) => setTimeout(resolve, 50))
  const before = switches()
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(switches()).toEqual(before)
  thread.dispose()
  await expect.poll(workers).toEqual([])
})
