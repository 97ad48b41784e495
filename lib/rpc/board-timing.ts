import { basename } from 'node:path'
import { getGlobalFunc, type Module, NDArray, type PackedFunc } from '../runtime/index.js'
import { need } from './remote-function.js'

const CPU = 1
/** Remote devices are those of the board with the session's place in the library's table (TVM v0.18, rpc_session.h). */
const SESSION_MASK = 128
/** Calls of no measurable time after which no more are added. */
const ZERO_TIMES = 100
const FLUSH = 'cache_flush_cpu_non_first_arg'

/** Number of the CPU that is at the other end of a session. */
function remoteCpu(session: Module): number {
  return CPU + SESSION_MASK * ((getGlobalFunc('rpc.SessTableIndex')(session) as number) + 1)
}

/** How a function on a board is timed (TVM v0.18, src/runtime/rpc/rpc_module.cc, RPCTimeEvaluator). */
export interface BoardTiming {
  /** Calls in one measurement at first. */
  readonly number: number
  /** Measurements. */
  readonly repeat: number
  /** Milliseconds that a measurement takes at least; default 0. */
  readonly minRepeatMs?: number
  /** Milliseconds of rest after each measurement; default 0. */
  readonly cooldownMs?: number
  /** Whether the caches are emptied of all arguments but the first before each measurement; default false. */
  readonly cacheFlush?: boolean
}

/** Times a function of a remote module on the board: seconds a call, one a measurement. */
export function timeOnBoard(
  session: Module,
  module: Module,
  name: string,
  args: readonly NDArray[],
  { number, repeat, minRepeatMs = 0, cooldownMs = 0, cacheFlush = false }: BoardTiming,
): number[] {
  using evaluate = getGlobalFunc('runtime.RPCTimeEvaluator')(
    module,
    name,
    remoteCpu(session),
    0,
    number,
    repeat,
    minRepeatMs,
    ZERO_TIMES,
    cooldownMs,
    1,
    0,
    cacheFlush ? FLUSH : '',
  ) as PackedFunc
  const bytes = evaluate(...args) as Uint8Array
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: bytes.byteLength / 8 }, (_, i) => view.getFloat64(8 * i, true))
}

export interface KernelArgument {
  readonly shape: readonly number[]
  readonly dtype: string
}

/** Brings a kernel's library to the board, times it there on random numbers, and removes it. */
export function timeKernel(
  session: Module,
  library: { readonly path: string; readonly bytes: Uint8Array },
  args: readonly KernelArgument[],
  timing: BoardTiming,
): number[] {
  const name = basename(library.path)
  need(session, 'tvm.rpc.server.upload')(name, library.bytes)
  const arrays: NDArray[] = []
  try {
    using module = getGlobalFunc('rpc.LoadRemoteModule')(session, name) as Module
    const fill = need(session, 'tvm.contrib.random.random_fill')
    for (const { shape, dtype } of args) {
      const array = NDArray.empty(shape, dtype, remoteCpu(session))
      arrays.push(array)
      fill(array)
    }
    return timeOnBoard(session, module, 'default_function', arrays, timing)
  } finally {
    for (const array of arrays) array.dispose()
    need(session, 'tvm.rpc.server.remove')(name)
  }
}
