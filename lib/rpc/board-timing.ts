import { basename } from 'node:path'
import {
  getGlobalFunc,
  type Module,
  measuredSeconds,
  NDArray,
  type Timing,
  timeEvaluator,
} from '../runtime/index.js'
import { need } from './remote-function.js'

const CPU = 1
/** Remote devices are those of the board with the session's place in the library's table (TVM v0.18, rpc_session.h). */
const SESSION_MASK = 128
/** Number of the CPU that is at the other end of a session. */
export function remoteCpu(session: Module): number {
  return CPU + SESSION_MASK * ((getGlobalFunc('rpc.SessTableIndex')(session) as number) + 1)
}

/** Times a function of a remote module on the board: seconds a call, one a measurement. */
export function timeOnBoard(
  session: Module,
  module: Module,
  name: string,
  args: readonly NDArray[],
  timing: Timing,
): number[] {
  using evaluate = timeEvaluator(module, name, remoteCpu(session), timing)
  return measuredSeconds(evaluate(...args) as Uint8Array)
}

/** A tensor that a kernel takes. */
export interface KernelArgument {
  readonly shape: readonly number[]
  readonly dtype: string
}

/** What the function of a kernel is called. */
const KERNEL = 'default_function'

/** Brings a kernel's library to the board, times it there on random numbers, and removes it. */
export function timeKernel(
  session: Module,
  library: { readonly path: string; readonly bytes: Uint8Array },
  args: readonly KernelArgument[],
  timing: Timing,
): number[] {
  const name = basename(library.path)
  need(session, 'tvm.rpc.server.upload')(name, library.bytes)
  try {
    using module = getGlobalFunc('rpc.LoadRemoteModule')(session, name) as Module
    return timeOnRandom(session, module, args, timing)
  } finally {
    need(session, 'tvm.rpc.server.remove')(name)
  }
}

/** The same for a kernel that is part of the board's program. */
export function timeOwnKernel(session: Module, args: readonly KernelArgument[], timing: Timing): number[] {
  using library = need(session, 'runtime.SystemLib')() as Module
  return timeOnRandom(session, library, args, timing)
}

function timeOnRandom(
  session: Module,
  module: Module,
  args: readonly KernelArgument[],
  timing: Timing,
): number[] {
  const arrays: NDArray[] = []
  try {
    const fill = need(session, 'tvm.contrib.random.random_fill')
    for (const { shape, dtype } of args) {
      const array = NDArray.empty(shape, dtype, remoteCpu(session))
      arrays.push(array)
      fill(array)
    }
    return timeOnBoard(session, module, KERNEL, arrays, timing)
  } finally {
    for (const array of arrays) array.dispose()
  }
}
