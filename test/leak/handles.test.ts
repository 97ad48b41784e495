import { describe, expect, test } from 'vitest'
import { type HandleCounts, native } from '#lib/native.js'
import {
  alignedTensor,
  CallThread,
  device,
  dtypeArg,
  getGlobalFunc,
  NDArray,
  openLibrary,
  type PackedFunc,
  packed,
  type TvmArray,
  type TvmObject,
} from '#lib/runtime/index.js'

openLibrary()
const echo = getGlobalFunc('testing.echo')
const ROUNDS = 200

/** Counts once the collector has had time to free what is unreachable. */
async function settled(target?: HandleCounts): Promise<HandleCounts> {
  let counts = native.handleCounts()
  for (let i = 0; i < 20; i++) {
    globalThis.gc?.()
    await new Promise((resolve) => setTimeout(resolve, 5))
    counts = native.handleCounts()
    if (target && JSON.stringify(counts) === JSON.stringify(target)) break
  }
  return counts
}

function throwsItsArgument(argument: never): unknown {
  return packed((list: unknown) => {
    throw Object.assign(new Error('on purpose'), { list })
  })(argument)
}

/** Like `expect().toThrow`, which keeps the functions it was given alive. */
function messageOf(run: (argument: never) => unknown, argument?: unknown): string {
  try {
    run(argument as never)
  } catch (error) {
    return (error as Error).message
  }
  return 'nothing was thrown'
}

async function rounds(work: (i: number) => unknown): Promise<void> {
  expect(globalThis.gc, 'run with --expose-gc').toBeTypeOf('function')
  // The frame of a function that waits may keep its last value alive; that of `once` is gone.
  const once = async (i: number) => {
    await work(i)
  }
  await once(0)
  const before = await settled()
  for (let i = 0; i < ROUNDS; i++) await once(i)
  expect(await settled(before)).toEqual(before)
}

describe(`handles are back after ${ROUNDS} rounds of`, () => {
  test('results left to the collector', () => rounds((i) => echo([i, 'text', { key: [i] }])))
  test('fields and items', () =>
    rounds((i) => {
      const call = getGlobalFunc('tir.Add')(i, 2, null) as TvmObject
      return [call.get('a'), call.get('b'), call.fieldNames(), (echo([call, call]) as TvmArray).toArray()]
    }))
  test('arrays over JavaScript memory', () =>
    rounds(() => echo(NDArray.from(alignedTensor('float32', [256])))))
  test('arrays that are copied', () =>
    rounds(() => NDArray.from({ dtype: 'int8', shape: [3], data: new Int8Array(3) })))
  test('disposal', () =>
    rounds(() => {
      using array = NDArray.empty([16], 'float32')
      using same = echo(array) as NDArray
      array.dispose()
      return same.shape
    }))
  test('callbacks with arguments and results', () =>
    rounds(() => {
      const f = packed((list: TvmArray, array: NDArray) => [list, array, list.at(0)])
      f([1, [2]], NDArray.empty([2], 'int8'))
      const wrapped = getGlobalFunc('testing.test_wrap_callback')(() => 1) as PackedFunc
      wrapped()
    }))
  test('errors of both sides', () =>
    rounds(() => {
      expect(messageOf(throwsItsArgument, [1, 2])).toContain('on purpose')
      expect(messageOf((list) => echo(list), [1, Symbol('x')])).toContain('symbol')
      expect(messageOf(() => (echo([]) as TvmArray).at(3))).toContain('Check failed')
    }))
  test('calls on threads', async () => {
    using thread = new CallThread()
    await rounds(async (i) => {
      await echo.callOn(thread, [i, new Uint8Array(64)], 'rest')
      await packed((x: TvmArray) => x).callOn(thread, [i])
      await expect(packed(() => Promise.reject(1).catch(() => 0)).callOn(thread)).rejects.toThrow()
    })
  })
  test('threads', () =>
    rounds(async (i) => {
      const thread = new CallThread()
      expect(await echo.callOn(thread, i)).toBe(i)
      if (i % 2) thread.dispose()
    }))
  test('modules', () =>
    rounds(() => {
      const module = getGlobalFunc('testing.FrontendTestModule')() as unknown as {
        getFunction(name: string): PackedFunc
      }
      module.getFunction('__add_function')('f', () => 1)
      expect(module.getFunction('f')()).toBe(1)
    }))
})

const BYTES = 4 << 20
const filled = { dtype: 'uint8', shape: [BYTES], data: new Uint8Array(BYTES) } as const

test.each<[string, () => NDArray]>([
  ['made here', () => NDArray.empty([BYTES], 'uint8')],
  [
    'that the library returns',
    () =>
      getGlobalFunc('runtime.TVMArrayAllocWithScope')(
        getGlobalFunc('runtime.ShapeTuple')(BYTES),
        dtypeArg('uint8'),
        device('cpu'),
        null,
      ) as NDArray,
  ],
])('large arrays %s make the collector run in time', async (_, make) => {
  const start = process.memoryUsage().rss
  let highest = start
  for (let i = 0; i < 400; i++) {
    make().copyFrom(filled)
    if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
    highest = Math.max(highest, process.memoryUsage().rss)
  }
  // 1.6 GB pass through; without word of them the collector would see only the small JavaScript objects.
  expect(highest - start).toBeLessThan(800 << 20)
})

test('threads end', async () => {
  const { readdirSync } = await import('node:fs')
  const count = () => readdirSync('/proc/self/task').length
  const before = count()
  const threads = Array.from({ length: 20 }, () => new CallThread())
  expect(count()).toBe(before + 20)
  for (const thread of threads) thread.dispose()
  for (let i = 0; i < 100 && count() > before; i++) await new Promise((resolve) => setTimeout(resolve, 10))
  expect(count()).toBe(before)
})
