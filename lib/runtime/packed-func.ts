import { TvmNodeError } from '../errors.js'
import { native } from '../native.js'
import type { CallThread } from './call-thread.js'
import type { TvmArg, TvmValue } from './value.js'

/** A function of the library, or one of JavaScript given to it. Call it like any function. */
export interface PackedFunc {
  (...args: TvmArg[]): TvmValue
  /** Runs the function on `thread`; calls there run one after the other. */
  callOn(thread: CallThread, ...args: TvmArg[]): Promise<TvmValue>
  dispose(): void
  readonly disposed: boolean
}

/** The prototype of packed functions. */
export class PackedFuncPrototype {
  callOn(thread: CallThread, ...args: TvmArg[]): Promise<TvmValue> {
    return native.callOn(thread.handle, this, args) as Promise<TvmValue>
  }
  dispose(): void {
    native.dispose(this)
  }
  get disposed(): boolean {
    return native.isDisposed(this)
  }
}
Object.setPrototypeOf(PackedFuncPrototype.prototype, Function.prototype)

const globals = new Map<string, PackedFunc>()

/** A function of the library's registry, or null. */
export function findGlobalFunc(name: string): PackedFunc | null {
  const known = globals.get(name)
  if (known) return known
  const found = native.getGlobal(name) as unknown as PackedFunc | null
  if (found) globals.set(name, found)
  return found
}

/** A function of the library's registry; throws `ERR_UNKNOWN_FUNCTION` when there is none of that name. */
export function getGlobalFunc(name: string): PackedFunc {
  const found = findGlobalFunc(name)
  if (found) return found
  throw new TvmNodeError('ERR_UNKNOWN_FUNCTION', `the TVM library has no function '${name}'`, { details: { name } })
}

type AnyFunction = (...args: never[]) => unknown

/** Makes a packed function of a JavaScript function. */
export function packed(func: AnyFunction): PackedFunc {
  return native.makeFunc(func) as unknown as PackedFunc
}

/** Makes a JavaScript function known to the library by `name`. */
export function registerFunc(name: string, func: AnyFunction, options: { override?: boolean } = {}): void {
  native.registerGlobal(name, packed(func) as unknown as object, options.override ?? false)
  globals.delete(name)
}

export function listGlobalFuncNames(): string[] {
  return native.listGlobals().sort()
}
