import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'
import { native } from '#lib/native.js'
import {
  getGlobalFunc,
  type Module,
  NDArray,
  openLibrary,
  type PackedFunc,
  type TvmArg,
} from '#lib/runtime/index.js'
import { scratchFolder } from '../support/scratch.js'
import { hasTool } from '../support/tools.js'

const scratch = scratchFolder()
const board = fileURLToPath(new URL('../../native/board', import.meta.url))
const backend = fileURLToPath(new URL('../../native/c-backend', import.meta.url))
const model = fileURLToPath(new URL('../fixtures/micro/doubling.c', import.meta.url))
/** Set by `npm run test:fuzz-board`: where the program is built that tells which lines it executes. */
const coverage = process.env.TVM_NODE_BOARD_COVERAGE
const program = coverage ?? join(scratch, 'board')
const CPU = 1
const REMOTE = 128

const hasCompiler = hasTool('cc')
beforeAll(() => {
  openLibrary({ kind: 'runtime' })
  if (!hasCompiler) return
  const sources = readdirSync(join(board, 'src')).filter((name) => name.endsWith('.c'))
  const strict = ['-std=c99', '-Wall', '-Wextra', '-Werror', '-Wpedantic', '-Wconversion', '-Wshadow']
  const sanitized = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all']
  const checked = coverage ? ['-fprofile-instr-generate', '-fcoverage-mapping'] : sanitized
  const include = ['include', 'src'].flatMap((folder) => ['-I', join(board, folder)])
  execFileSync(coverage ? 'clang' : 'cc', [
    ...[...strict, '-g', '-O1', ...checked, ...include, '-I', backend, '-o', program],
    ...sources.map((name) => join(board, 'src', name)),
    ...[join(board, 'ports/posix/port.c'), model],
  ])
})

/** A board in a process, and the library's own client of micro sessions on the line to it. */
class Board {
  readonly session: Module
  readonly child: ChildProcess
  private readonly line: object

  constructor(before = '') {
    const [ours, theirs] = native.linePair()
    this.child = spawn(program, [], { stdio: [theirs, theirs, 'inherit'] })
    native.closeDescriptor(theirs)
    this.line = native.lineOpen(ours)
    const [send, receive] = native.lineFunctions(this.line) as [PackedFunc, PackedFunc]
    if (before) send(Buffer.from(before, 'hex'), null)
    const limits = [2e6, 5e6, 5e6]
    this.session = getGlobalFunc('micro._rpc_connect')(
      'board',
      send,
      receive,
      ...limits,
      null,
      false,
    ) as Module
  }

  call(module: Module, name: string, ...args: TvmArg[]) {
    const found = module.getFunction(name)
    if (!found) throw new Error(`no function ${name}`)
    return found(...args)
  }

  get deviceType(): number {
    return CPU + REMOTE * ((getGlobalFunc('rpc.SessTableIndex')(this.session) as number) + 1)
  }

  executor(): Module {
    const library = this.call(this.session, 'runtime.SystemLib') as Module
    const device = native.device(this.deviceType, 0)
    return this.call(this.session, 'tvm.aot_executor.create', library, device, 'default') as Module
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.call(this.session, 'CloseRPCConnection')
    native.lineFlush(this.line, 1000)
    const ended = new Promise((resolve) => this.child.once('exit', resolve))
    native.lineClose(this.line)
    // The sanitizers end the program with another number where they find anything.
    expect(await ended).toBe(0)
  }
}

const withBoard = test.skipIf(!hasCompiler)

withBoard('a network on a board runs through the ahead-of-time executor (needs cc)', async () => {
  await using on = new Board()
  const executor = on.executor()
  const input = on.call(executor, 'get_input', 'x') as NDArray
  input.copyFrom({ dtype: 'int8', shape: [8], data: Int8Array.of(1, 2, 3, 4, 5, 6, 7, -8) })
  on.call(executor, 'run')
  const output = on.call(executor, 'get_output', 0) as NDArray
  expect([...(output.toTensor().data as Int8Array)]).toEqual([2, 4, 6, 8, 10, 12, 14, -16])
  expect(on.call(executor, 'get_input_index', 'x')).toBe(0)
  expect(on.call(executor, 'get_input_index', 'z')).toBe(-1)
})

withBoard('arrays of more than one message come back as they were sent (needs cc)', async () => {
  await using on = new Board()
  const data = Int8Array.from({ length: 100_003 }, (_, i) => i * 31)
  using array = NDArray.empty([data.length], 'int8', on.deviceType, 0)
  array.copyFrom({ dtype: 'int8', shape: [data.length], data })
  expect(
    Buffer.compare(Buffer.from((array.toTensor().data as Int8Array).buffer), Buffer.from(data.buffer)),
  ).toBe(0)
})

withBoard('an error of the board is told, and the session goes on (needs cc)', async () => {
  await using on = new Board()
  const library = on.call(on.session, 'runtime.SystemLib') as Module
  const device = native.device(on.deviceType, 0)
  const create = () => on.call(on.session, 'tvm.aot_executor.create', library, device, 'other')
  expect(create).toThrow('this program has no network of that name')
  expect(() => NDArray.empty([2 ** 30], 'int8', on.deviceType, 0)).toThrow('this board has not enough memory')
  expect(on.call(on.session, 'tvm.rpc.server.GetCRTMaxPacketSize')).toBe(2037)
})

withBoard('noise and half a frame before a session do no harm (needs cc)', async () => {
  await using on = new Board('00fe426f6f7420fffd10000000aaff')
  expect(on.call(on.session, 'tvm.rpc.server.GetCRTMaxPacketSize')).toBe(2037)
})
