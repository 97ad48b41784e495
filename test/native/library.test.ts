import { execFile, execFileSync } from 'node:child_process'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { findBundle } from '#lib/bundle/index.js'
import { getGlobalFunc, openedLibrary, openLibrary } from '#lib/runtime/index.js'

const runtime = new URL('../../dist/runtime/index.js', import.meta.url).href

interface Ended {
  readonly stdout: string
  readonly stderr: string
  readonly status: number | null
  readonly signal: string | null
}

/** Runs a module in a process of its own. */
function run(body: string, env: Record<string, string> = {}): Promise<Ended> {
  const script = `import * as tvm from ${JSON.stringify(runtime)}\n${body}`
  const args = ['--expose-gc', '--input-type=module', '-e', script]
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, { env: { ...process.env, ...env } }, (_, stdout, stderr) =>
      resolve({ stdout, stderr, status: child.exitCode, signal: child.signalCode }),
    )
  })
}

describe('opening', () => {
  test.each(['compiler', 'runtime'])('the %s prints nothing and ends cleanly', async (kind) => {
    expect(await run(`tvm.openLibrary({ kind: '${kind}' })`)).toEqual({
      stdout: '',
      stderr: '',
      status: 0,
      signal: null,
    })
  })
  test('prints nothing in a worker thread either, nor when targets name processors', async () => {
    const result = await run(`
      import { Worker } from 'node:worker_threads'
      new Worker(\`
        import * as tvm from ${JSON.stringify(runtime)}
        tvm.openLibrary()
        for (const target of ['llvm -mcpu=skylake-avx512', 'llvm -mcpu=znver4', 'c -mcpu=cortex-m4'])
          tvm.getGlobalFunc('target.Target')(target)\`, { eval: true })`)
    expect(result).toEqual({ stdout: '', stderr: '', status: 0, signal: null })
  })
  test('takes the OpenCL loader of the system, and the stand-in only where there is none', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tvm-node-opencl-'))
    const stub = fileURLToPath(new URL('../../build/Release/stand-ins/libOpenCL.so.1', import.meta.url))
    copyFileSync(stub, join(folder, 'libOpenCL.so.1'))
    const body = `
      import { readFileSync } from 'node:fs'
      tvm.openLibrary()
      console.log(...new Set(readFileSync('/proc/self/maps', 'utf8').match(/\\S*libOpenCL\\S*/g)))`
    expect((await run(body, { LD_LIBRARY_PATH: folder })).stdout).toBe(`${join(folder, 'libOpenCL.so.1')}\n`)
    const otherwise = (await run(body)).stdout.trim().split(' ')
    expect(otherwise).toHaveLength(1)
    expect(otherwise[0]).toContain('libOpenCL.so')
    rmSync(folder, { recursive: true })
  })
  test('leaves both streams as they were', async () => {
    const result = await run(`tvm.openLibrary(); console.log('out'); console.error('err')`)
    expect(result).toMatchObject({ stdout: 'out\n', stderr: 'err\n' })
  })
  test('twice is the same library', () => {
    const first = openLibrary()
    expect(openLibrary()).toBe(first)
    expect(openLibrary({ kind: 'runtime' })).toBe(first)
    expect(openedLibrary()).toBe(first)
    expect(first.kind).toBe('compiler')
  })
  test('a second one is refused', () => {
    const { libtvmRuntime } = findBundle()
    expect(() => openLibrary({ path: libtvmRuntime })).toThrow(
      expect.objectContaining({ code: 'ERR_SECOND_LIBRARY' }),
    )
    expect(getGlobalFunc('testing.echo')(1)).toBe(1)
  })
  test('the compiler after the runtime is refused', async () => {
    const result = await run(`
      tvm.openLibrary({ kind: 'runtime' })
      try { tvm.openLibrary() } catch (error) { console.log(error.code) }`)
    expect(result).toMatchObject({ stdout: 'ERR_SECOND_LIBRARY\n', status: 0 })
  })
  test.each(['compiler', 'runtime'])('the %s knows its version', async (kind) => {
    const result = await run(
      `tvm.openLibrary({ kind: '${kind}' }); console.log(JSON.stringify(tvm.libraryVersion()))`,
    )
    expect(JSON.parse(result.stdout)).toEqual({
      version: expect.stringMatching(/^0\.18\.\d+$/),
      commit: expect.stringMatching(/^[0-9a-f]{40}$/),
    })
  })
  test('the runtime knows that it cannot compile', async () => {
    const result = await run(`
      console.log(tvm.openLibrary({ kind: 'runtime' }).kind)
      try { tvm.getGlobalFunc('relay.ir.Var') } catch (error) { console.log(error.code) }`)
    expect(result).toMatchObject({ stdout: 'runtime\nERR_UNKNOWN_FUNCTION\n', stderr: '' })
  })
  describe('what is no TVM 0.18', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tvm-node-library-'))
    afterAll(() => rmSync(folder, { recursive: true }))
    const attempt = (path: string) =>
      run(
        `try { tvm.openLibrary({ kind: 'runtime', path: ${JSON.stringify(path)} }) } catch (error) { console.log(error.code, error.message) }`,
      )

    test('a text file', async () => {
      writeFileSync(join(folder, 'libtvm.so'), 'not a library')
      expect((await attempt(folder)).stdout).toContain('ERR_LIBRARY_LOAD')
      expect((await attempt(join(folder, 'libtvm.so'))).stdout).toContain('ERR_LIBRARY_LOAD')
    })
    test('a library without its interface', async () => {
      const list = execFileSync('ldd', [process.execPath], {
        encoding: 'utf8',
        env: { ...process.env, LD_PRELOAD: '' },
      })
      const libm = /\S*\/libm\.so\S*/.exec(list)?.[0] as string
      copyFileSync(libm, join(folder, 'libtvm.so'))
      expect((await attempt(folder)).stdout).toMatch(/ERR_LIBRARY_LOAD .*lacks the function TVM/)
    })
    test('another release', async () => {
      const { dir } = findBundle()
      const other = join(folder, 'other')
      mkdirSync(other)
      for (const name of readdirSync(dir)) symlinkSync(join(dir, name), join(other, name))
      rmSync(join(other, 'libtvm.so'))
      rmSync(join(other, 'libtvm_runtime.so'))
      const library = readFileSync(join(dir, 'libtvm_runtime.so')).toString('latin1')
      writeFileSync(join(other, 'libtvm_runtime.so'), library.replaceAll('0.18', '0.17'), 'latin1')
      const { stdout } = await attempt(other)
      expect(stdout).toContain('ERR_LIBRARY_VERSION')
      expect(stdout).toContain(join(other, 'libtvm_runtime.so'))
    })
    test('nothing at all', async () => {
      expect((await attempt(join(folder, 'none'))).stdout).toContain('ERR_NO_BUNDLE')
    })
  })
  test('nothing works before', async () => {
    const result = await run(
      `try { tvm.getGlobalFunc('testing.echo') } catch (error) { console.log(error.code) }`,
    )
    expect(result.stdout).toBe('ERR_NO_LIBRARY\n')
  })
})

describe('the process', () => {
  const affinity = `import { readFileSync } from 'node:fs'
    const allowed = () => /Cpus_allowed_list:\\s*(\\S+)/.exec(readFileSync('/proc/thread-self/status', 'utf8'))[1]`
  test('keeps its processors when the worker pool starts', async () => {
    const result = await run(`${affinity}
      tvm.openLibrary()
      const before = allowed()
      for (const mode of [1, -1, -3]) tvm.getGlobalFunc('runtime.config_threadpool')(mode, 2)
      tvm.getGlobalFunc('runtime.NumThreads')()
      console.log(before === allowed())`)
    expect(result).toMatchObject({ stdout: 'true\n', stderr: '', status: 0 })
  })
  test.each([
    ['an idle thread', 'new tvm.CallThread()'],
    [
      'a running call',
      `tvm.getGlobalFunc('testing.sleep_in_ffi').callOn(new tvm.CallThread(), 0.3); process.exit(0)`,
    ],
    [
      'a queue',
      `const t = new tvm.CallThread(); for (let i = 0; i < 9; i++) tvm.getGlobalFunc('testing.nop').callOn(t); process.exit(0)`,
    ],
    ['registered functions', `tvm.registerFunc('a.b', () => 1); tvm.getGlobalFunc('a.b')()`],
    ['a pool of workers', `tvm.getGlobalFunc('runtime.config_threadpool')(1, 2)`],
    [
      'live arrays',
      `globalThis.kept = Array.from({ length: 100 }, () => tvm.NDArray.empty([10], 'float32'))`,
    ],
  ])('ends cleanly with %s', async (_, body) => {
    expect(await run(`tvm.openLibrary(); ${body}`)).toEqual({
      stdout: '',
      stderr: '',
      status: 0,
      signal: null,
    })
  })
  test('waits for promised results', async () => {
    const result = await run(`tvm.openLibrary()
      tvm.getGlobalFunc('testing.echo').callOn(new tvm.CallThread(), 'late').then(console.log)`)
    expect(result.stdout).toBe('late\n')
  })
  test('a worker may be terminated inside a call', async () => {
    const result = await run(`
      import { Worker } from 'node:worker_threads'
      tvm.openLibrary()
      const body = \`
        import { parentPort } from 'node:worker_threads'
        import * as tvm from ${JSON.stringify(runtime)}
        tvm.openLibrary()
        new tvm.CallThread()
        const forever = tvm.packed(() => { parentPort.postMessage('in'); for (;;) {} })
        for (;;) try { tvm.packed(() => forever())() } catch {}\`
      const worker = new Worker(body, { eval: true })
      worker.once('message', async () => console.log(await worker.terminate(), tvm.getGlobalFunc('testing.echo')(1)))`)
    expect(result).toEqual({ stdout: '1 1\n', stderr: '', status: 0, signal: null })
  })
  test('an error keeps its cause apart from those of other threads', async () => {
    const result = await run(`
      import { Worker } from 'node:worker_threads'
      tvm.openLibrary()
      tvm.registerFunc('main.throws', () => { throw new Error('of the main thread') })
      const body = \`
        import { parentPort } from 'node:worker_threads'
        import * as tvm from ${JSON.stringify(runtime)}
        tvm.openLibrary()
        const quiet = tvm.getGlobalFunc('testing.test_wrap_callback_suppress_err')
        for (let i = 0; i < 64; i++) quiet(() => { throw new Error('of the worker') })()
        try { tvm.getGlobalFunc('main.throws')() } catch (error) {
          parentPort.postMessage([error.message, error.cause?.message])
        }\`
      new Worker(body, { eval: true }).once('message', (said) => console.log(JSON.stringify(said)))`)
    expect(result).toMatchObject({ stdout: '["Error: of the main thread",null]\n', stderr: '', status: 0 })
  })
  test('a thread that waits for another is not waited for by it', async () => {
    const result = await run(`
      tvm.openLibrary()
      const thread = new tvm.CallThread()
      const done = new Int32Array(new SharedArrayBuffer(4))
      const answer = tvm.packed(() => 1).callOn(thread)
      const after = tvm.getGlobalFunc('testing.nop').callOn(thread)
      Atomics.wait(done, 0, 0, 7000)
      answer.catch((error) => console.log(error.message))
      after.then(() => console.log('went on'))`)
    expect(result).toMatchObject({
      stdout: 'JavaScriptError: the JavaScript thread is busy and cannot serve another thread\nwent on\n',
      status: 0,
    })
  })
  test('a worker that ends with calls, results and arrays under way leaves none of their handles', async () => {
    const result = await run(`
      import { Worker } from 'node:worker_threads'
      tvm.openLibrary()
      const { native } = await import(${JSON.stringify(new URL('../../dist/native.js', import.meta.url).href)})
      const body = \`
        import * as tvm from ${JSON.stringify(runtime)}
        tvm.openLibrary()
        const thread = new tvm.CallThread()
        const nothing = tvm.getGlobalFunc('testing.nop'), echo = tvm.getGlobalFunc('testing.echo')
        for (let i = 0; i < 200; i++) {
          const array = tvm.NDArray.from(tvm.alignedTensor('float32', [64]))
          echo.callOn(thread, [i, [i]], array)
          array.dispose()
        }
        tvm.getGlobalFunc('testing.sleep_in_ffi')(0.1)
        process.exit(0)\`
      const before = native.handleCounts()
      await new Promise((done) => new Worker(body, { eval: true }).once('exit', done))
      // What this thread had left to the collector may have gone meanwhile.
      const left = Object.entries(native.handleCounts()).filter(([kind, count]) => count > before[kind])
      console.log(JSON.stringify(left))`)
    expect(result).toMatchObject({ stdout: '[]\n', stderr: '', status: 0 })
  })
  test('worker threads have their own callbacks and may end while functions of theirs live', async () => {
    const result = await run(`
      import { Worker } from 'node:worker_threads'
      tvm.openLibrary()
      const body = \`
        import { parentPort } from 'node:worker_threads'
        import * as tvm from ${JSON.stringify(runtime)}
        tvm.openLibrary()
        tvm.registerFunc('from.worker', (x) => x * 2)
        parentPort.postMessage(tvm.getGlobalFunc('from.worker')(21))
        setTimeout(() => {}, 200)\`
      const worker = new Worker(body, { eval: true })
      worker.once('message', (value) => {
        console.log(value)
        const thread = new tvm.CallThread()
        tvm.getGlobalFunc('from.worker').callOn(thread, 4).then((x) => console.log(x))
      })
      worker.once('exit', () => {
        try { tvm.getGlobalFunc('from.worker')(1) } catch (error) { console.log(error.message) }
      })`)
    expect(result.stderr).toBe('')
    expect(result.stdout).toBe(
      '42\n8\nJavaScriptError: the JavaScript environment of this function has ended\n',
    )
    expect(result.status).toBe(0)
  })
})
