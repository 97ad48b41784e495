import { describe, expect, test } from 'vitest'
import {
  alignedTensor,
  CallThread,
  device,
  dtypeArg,
  findGlobalFunc,
  float,
  getGlobalFunc,
  listGlobalFuncNames,
  NDArray,
  openLibrary,
  type PackedFunc,
  packed,
  registerFunc,
  type TvmArg,
} from '#lib/runtime/index.js'

openLibrary()
const echo = getGlobalFunc('testing.echo')

describe('values that come back as they went in', () => {
  test.each<[string, TvmArg]>([
    ['null', null],
    ['true', true],
    ['false', false],
    ['zero', 0],
    ['a negative integer', -7],
    ['the largest safe integer', Number.MAX_SAFE_INTEGER],
    ['the smallest safe integer', Number.MIN_SAFE_INTEGER],
    ['an integer of 64 bits', 2n ** 63n - 1n],
    ['the smallest integer of 64 bits', -(2n ** 63n)],
    ['an integer just past the safe ones', 2n ** 53n],
    ['a float', 0.1],
    ['infinity', Number.POSITIVE_INFINITY],
    ['not a number', Number.NaN],
    ['the smallest float', 5e-324],
    ['an empty string', ''],
    ['text beyond ASCII', 'größer ≥ 😀'],
    ['a long string', 'x'.repeat(100_000)],
    ['bytes with zeros', new Uint8Array([0, 255, 0, 1])],
    ['no bytes', new Uint8Array(0)],
  ])('%s', (_, value) => {
    expect(echo(value)).toEqual(value)
  })

  test('undefined becomes null', () => expect(echo(undefined)).toBe(null))
  test('bigints in the safe range become numbers', () => expect(echo(-5n)).toBe(-5))
  test('an integral number beyond the safe range is a float', () => expect(echo(2 ** 60)).toBe(2 ** 60))
  test('a data type becomes its name', () => {
    for (const name of ['float32', 'bool', 'int8x4', 'uint64', 'bfloat16', 'handle'])
      expect(echo(dtypeArg(name))).toBe(name)
  })
  test('a device', () => expect(echo(device('cuda', 3))).toEqual({ type: 2, id: 3 }))
  test('a function keeps its identity', () => {
    const f = packed((x: number) => x * 2)
    const same = echo(f) as PackedFunc
    expect(same(21)).toBe(42)
  })
})

test('float marks an integral number as a float', () => {
  const kind = getGlobalFunc('testing.AcceptsPrimExpr')
  expect(String(kind(2))).toBe('2')
  expect(String(kind(float(2)))).toMatch(/^T\.float32\(2/)
})

test.each<[string, () => unknown, RegExp]>([
  ['a bigint beyond 64 bits', () => echo(2n ** 63n), /64 bits/],
  ['a symbol', () => echo(Symbol('x') as never), /symbol/],
  ['an object of a class', () => echo(new Date()), /class/],
  ['a typed array other than bytes', () => echo(new Float32Array(2)), /class/],
  ['a list that contains itself', () => echo(cyclic()), /contains itself/],
  ['a map that contains itself', () => echo(cyclic(true)), /contains itself/],
  ['lists nested without end', () => echo(nested(100_000)), /deeper than 200/],
  ['a map that yields no pairs', () => echo(oddMap()), /pairs/],
])('%s is refused', (_, call, message) => {
  expect(call).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT', message: expect.stringMatching(message) }),
  )
})

test('lists may be nested deeply', () => {
  expect(String(echo(nested(150)))).toMatch(/^\[{151}\]{151}$/)
})

test('what a proxy or a getter throws comes out as it is', () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  expect(() => echo(proxy)).toThrow(TypeError)
  expect(() =>
    echo([
      {
        ok: 1,
        get bad() {
          return unreadable()
        },
      },
    ]),
  ).toThrow('unreadable')
})

test('more arguments than fit the inline space', () => {
  const items = Array.from({ length: 40 }, (_, i) => i)
  expect(packed((...all: number[]) => all.reduce((sum, x) => sum + x, 0))(...items)).toBe(780)
})

describe('functions of the registry', () => {
  test('are listed', () => {
    const names = listGlobalFuncNames()
    expect(names).toContain('testing.echo')
    expect(names.length).toBeGreaterThan(2000)
  })
  test('an unknown one', () => {
    expect(findGlobalFunc('no.such')).toBe(null)
    expect(() => getGlobalFunc('no.such')).toThrow(expect.objectContaining({ code: 'ERR_UNKNOWN_FUNCTION' }))
  })
  test('outlive dispose, being shared', () => {
    getGlobalFunc('testing.nop').dispose()
    expect(getGlobalFunc('testing.nop')()).toBe(null)
  })
  test('JavaScript ones are called by the library', () => {
    registerFunc('testing.identity_py', (x: number) => x + 1)
    expect(getGlobalFunc('testing.identity_cpp')(41)).toBe(42)
    expect(() => registerFunc('testing.identity_py', () => 0)).toThrow(
      expect.objectContaining({ code: 'ERR_TVM' }),
    )
    registerFunc('testing.identity_py', (x: number) => x - 1, { override: true })
    expect(getGlobalFunc('testing.identity_cpp')(41)).toBe(40)
  })
})

test('a packed function is a function', () => {
  const f = packed(() => 1)
  expect(f).toBeInstanceOf(Function)
  expect(f.call(null)).toBe(1)
  expect([1, 2].map((x) => echo(x))).toEqual([1, 2])
  f.dispose()
  f.dispose()
  expect(f.disposed).toBe(true)
  expect(() => f()).toThrow(expect.objectContaining({ code: 'ERR_DISPOSED' }))
  expect(() => echo(f)).toThrow(expect.objectContaining({ code: 'ERR_DISPOSED' }))
})

test('a function may be disposed of while it runs', () => {
  const f: PackedFunc = packed(() => {
    f.dispose()
    return 'done'
  })
  expect(f()).toBe('done')
})

describe('errors', () => {
  test('of the library carry kind, text and backtrace', () => {
    const f = getGlobalFunc('testing.test_check_eq_callback')('KeyError: expected equal') as PackedFunc
    expect(f(3, 3)).toBe(null)
    expect(() => f(3, 4)).toThrow(
      expect.objectContaining({
        code: 'ERR_TVM',
        message: expect.stringContaining('expected equal'),
        details: expect.objectContaining({ backtrace: expect.stringContaining('(0)') }),
      }),
    )
    const fatal = getGlobalFunc('testing.test_raise_error_callback')('ValueError: no good') as PackedFunc
    expect(() => fatal()).toThrow(
      expect.objectContaining({
        message: 'ValueError: no good',
        details: expect.objectContaining({ kind: 'ValueError' }),
      }),
    )
  })
  test('a wrong number of arguments shows the signature', () => {
    expect(() => getGlobalFunc('testing.AcceptsBool')(1, 2)).toThrow(/expects 1 argument/)
  })
  test.each<[string, unknown]>([
    ['an Error', new RangeError('first\nsecond\n  third')],
    ['an Error with its own name', Object.assign(new Error('x'), { name: 'not a kind: at all' })],
    ['a string', 'just text'],
    ['an object', { anything: 1 }],
    ['a symbol', Symbol('x')],
    ['null', null],
    ['an object without a prototype', Object.create(null)],
    ['an Error with a NUL in its message', new Error('before\0after')],
    ['an object that cannot be asked its name', new Proxy({}, { get: () => unreadable() })],
    ['nothing', undefined],
  ])('%s thrown in a callback comes out as the cause', (_, thrown) => {
    const wrapped = getGlobalFunc('testing.test_wrap_callback')(() => {
      throw thrown
    }) as PackedFunc
    const error = catchError(() => wrapped())
    expect(error).toMatchObject({ code: 'ERR_TVM' })
    if (thrown !== undefined) expect(error.cause).toBe(thrown)
    if (thrown instanceof Error) expect(error.message).toContain(thrown.message)
  })
  test('cross several callbacks', () => {
    const inner = new TypeError('inner')
    const f = packed(() => {
      throw inner
    })
    const outer = packed(() => f())
    const error = catchError(() => outer())
    expect((error.cause as Error).cause).toBe(inner)
  })
  test('swallowed by the library are not seen', () => {
    const quiet = getGlobalFunc('testing.test_wrap_callback_suppress_err')(() => {
      throw new Error('unseen')
    }) as PackedFunc
    for (let i = 0; i < 200; i++) expect(quiet()).toBe(null)
  })
  test('an unusable result of a callback', () => {
    const error = catchError(() => packed(() => Symbol('x'))())
    expect(error).toMatchObject({
      code: 'ERR_TVM',
      cause: expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }),
    })
  })
})

describe('threads', () => {
  test('calls on one thread run in order and resolve', async () => {
    using thread = new CallThread()
    const order: number[] = []
    const calls = [1, 2, 3].map((i) => echo.callOn(thread, i).then((x) => order.push(x as number)))
    await Promise.all(calls)
    expect(order).toEqual([1, 2, 3])
  })
  test('arguments are taken at the call', async () => {
    using thread = new CallThread()
    const bytes = new Uint8Array([1, 2, 3])
    const later = echo.callOn(thread, bytes, 0)
    bytes.fill(9)
    expect(await later).toEqual(new Uint8Array([1, 2, 3]))
    expect(String(await echo.callOn(thread, [1, 'a', { k: [2] }]))).toContain('"a"')
  })
  test('a row of calls has all results in order, or ends with the first failure', async () => {
    using thread = new CallThread()
    const row = [1, 'b', null].map((value) => [echo, [value]] as const)
    expect((await thread.run(row)).values).toEqual([1, 'b', null])
    expect(thread.runHere(row).values).toEqual([1, 'b', null])
    expect((await thread.run([])).values).toEqual([])
    const { durationUs } = await thread.run([[getGlobalFunc('testing.sleep_in_ffi'), [0.01]]])
    expect(durationUs).toBeGreaterThan(9_000)
    const order: number[] = []
    const note = packed((i: number) => order.push(i))
    const fail = packed(() => {
      throw new Error('the second fails')
    })
    await expect(
      thread.run([
        [note, [1]],
        [fail, []],
        [note, [3]],
      ]),
    ).rejects.toThrow('the second fails')
    expect(order).toEqual([1])
    expect(() =>
      thread.runHere([
        [fail, []],
        [note, [5]],
      ]),
    ).toThrow('the second fails')
    expect(order).toEqual([1])
  })
  test('arrays over JavaScript memory may be let go while a call still has them', async () => {
    using thread = new CallThread()
    const memory = alignedTensor('float32', [16])
    for (let i = 0; i < 2000; i++) {
      const array = NDArray.from(memory)
      const call = echo.callOn(thread, i, array)
      array.dispose()
      expect(await call).toBe(i)
    }
  })
  test('the event loop goes on meanwhile', async () => {
    using thread = new CallThread()
    let turns = 0
    const timer = setInterval(() => turns++, 5)
    await getGlobalFunc('testing.sleep_in_ffi').callOn(thread, 0.3)
    clearInterval(timer)
    expect(turns).toBeGreaterThan(20)
  })
  test('errors reject, with the JavaScript cause', async () => {
    using thread = new CallThread()
    const thrown = new Error('from a callback')
    const f = packed(() => {
      throw thrown
    })
    await expect(f.callOn(thread)).rejects.toMatchObject({ code: 'ERR_TVM', cause: thrown })
    const fatal = getGlobalFunc('testing.test_raise_error_callback')('KindX: no') as PackedFunc
    await expect(fatal.callOn(thread)).rejects.toMatchObject({
      message: 'KindX: no',
      details: { kind: 'KindX' },
    })
  })
  test('a callback from another thread runs here when this thread is free', async () => {
    using thread = new CallThread()
    expect(await packed((x: number) => x + 1).callOn(thread, 1)).toBe(2)
  })
  test('and is refused, not waited for, when this thread stays in one call', async () => {
    using thread = new CallThread()
    const answer = packed(() => 'served').callOn(thread)
    const started = performance.now()
    getGlobalFunc('testing.sleep_in_ffi')(2.6)
    expect(performance.now() - started).toBeLessThan(4000)
    await expect(answer).rejects.toMatchObject({ code: 'ERR_TVM', message: expect.stringContaining('busy') })
  })
  test('but is waited for through a call that is only long', async () => {
    using thread = new CallThread()
    const answer = packed(() => 'served').callOn(thread)
    getGlobalFunc('testing.sleep_in_ffi')(0.5)
    expect(await answer).toBe('served')
  })
  test('and survives many short calls', async () => {
    using thread = new CallThread()
    const answer = packed(() => 'served').callOn(thread)
    const until = performance.now() + 300
    while (performance.now() < until) echo(1)
    expect(await answer).toBe('served')
  })
  test('arguments that cannot be given reject nothing and leave nothing open', async () => {
    using thread = new CallThread()
    await expect(async () => echo.callOn(thread, cyclic())).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
    })
    expect(await echo.callOn(thread, 1)).toBe(1)
  })
  test('a disposed thread takes no calls but finishes those it has', async () => {
    const thread = new CallThread()
    const last = getGlobalFunc('testing.sleep_in_ffi').callOn(thread, 0.05)
    thread.dispose()
    thread.dispose()
    expect(await last).toBe(null)
    await expect(async () => echo.callOn(thread, 1)).rejects.toMatchObject({ code: 'ERR_DISPOSED' })
  })
})

function cyclic(asMap = false): TvmArg {
  const list: TvmArg[] = []
  list.push(asMap ? { list } : list)
  return list
}

function nested(depth: number): TvmArg {
  let list: TvmArg[] = []
  for (let i = 0; i < depth; i++) list = [list]
  return list
}

function oddMap(): Map<number, number> {
  return Object.assign(new Map([[1, 2]]), { [Symbol.iterator]: () => [1, 2][Symbol.iterator]() })
}

function unreadable(): never {
  throw new Error('unreadable')
}

function catchError(run: () => unknown): Error & { cause?: unknown } {
  try {
    run()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was thrown')
}
