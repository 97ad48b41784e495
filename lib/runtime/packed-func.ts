import { TvmNodeError } from '../errors.js'
import { native } from '../native.js'
import type { CallThread } from './call-thread.js'
import type { TvmArg, TvmValue } from './value.js'

/** A function of the library, or one of JavaScript given to it. Call it like any function. */
export interface PackedFunc {
  (...args: TvmArg[]): TvmValue
  /** Runs the function on `thread`; calls there run one after the other. */
  callOn(thread: CallThread, ...args: TvmArg[]): Promise<TvmValue>
  /** Frees the function now; later calls throw `ERR_DISPOSED`. Without it the collector does so. */
  dispose(): void
  readonly disposed: boolean
  [Symbol.dispose](): void
}

/** The prototype of packed functions. */
export class PackedFuncPrototype {
  callOn(thread: CallThread, ...args: TvmArg[]): Promise<TvmValue> {
    return thread.run([[this as unknown as PackedFunc, args]]).then(({ values }) => values[0] as TvmValue)
  }
  dispose(): void {
    native.dispose(this)
  }
  get disposed(): boolean {
    return native.isDisposed(this)
  }
  [Symbol.dispose](): void {
    this.dispose()
  }
}
Object.setPrototypeOf(PackedFuncPrototype.prototype, Function.prototype)

const globals = new Map<string, PackedFunc>()

/** A function of the library's registry, or null. Kept for the life of the process: `dispose()` on it does nothing. */
export function findGlobalFunc(name: string): PackedFunc | null {
  const known = globals.get(name)
  if (known) return known
  const found = native.getGlobal(name) as unknown as PackedFunc | null
  if (found) {
    // Shared by all who ask for the name, so that no one of them may free it.
    Object.defineProperty(found, 'dispose', { value: () => {} })
    globals.set(name, found)
  }
  return found
}

/** A function of the library's registry; throws `ERR_UNKNOWN_FUNCTION` when there is none of that name. */
export function getGlobalFunc(name: string): PackedFunc {
  const found = findGlobalFunc(name)
  if (found) return found
  throw new TvmNodeError('ERR_UNKNOWN_FUNCTION', `the TVM library has no function '${name}'`, {
    details: { name },
  })
}

type AnyFunction = (...args: never[]) => unknown

/**
 * Makes a packed function of a JavaScript function. It runs on this JavaScript thread whichever thread calls it: another
 * thread's call waits until this one is free, and fails when this one stays inside one call into the library.
 *
 * A function that refers to its own packed function, also through a variable of a shared scope, is a circle through the
 * library that the collector cannot see: end it with `dispose()`.
 */
export function packed(func: AnyFunction): PackedFunc {
  return native.makeFunc(func) as unknown as PackedFunc
}

/**
 * Makes a JavaScript function known to the library by `name`. The library may keep the first function it finds of a name for
 * the life of the process.
 *
 * @param options.override - Replace a function of that name; default false, which throws `ERR_TVM` when there is one.
 */
export function registerFunc(name: string, func: AnyFunction, options: { override?: boolean } = {}): void {
  using made = packed(func)
  native.registerGlobal(name, made, options.override ?? false)
  globals.delete(name)
}

export function listGlobalFuncNames(): string[] {
  return native.listGlobals().sort()
}
