import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { TvmNodeError } from './errors.js'

/** Element type as the C ABI spells it: code (0 int, 1 uint, 2 float, 3 handle, 4 bfloat), bits, lanes. */
export interface NativeArrayInfo {
  readonly shape: number[]
  readonly code: number
  readonly bits: number
  readonly lanes: number
  readonly deviceType: number
  readonly deviceId: number
  readonly bytes: number
}

export interface HandleCounts {
  readonly object: number
  readonly packedFunc: number
  readonly module: number
  readonly ndarray: number
}

type Handle = object
type Constructor = abstract new () => object

/** The addon's whole contract. Handles are opaque: instances of the classes given to `setClasses`. */
export interface NativeBinding {
  setClasses(classes: {
    object: Constructor
    packedFunc: Constructor
    module: Constructor
    ndarray: Constructor
    makeError(code: string, message: string, backtrace?: string, cause?: unknown): Error
  }): void
  /** False when the library knows no such type key. */
  setObjectClass(typeKey: string, constructor: Constructor): boolean
  open(path: string, preload: readonly string[]): void
  openedPath(): string
  loadedLibraries(): string[]
  getGlobal(name: string): Handle | null
  registerGlobal(name: string, func: Handle, override: boolean): void
  removeGlobal(name: string): void
  listGlobals(): string[]
  makeFunc(func: (...args: never[]) => unknown): Handle
  typeKey(object: Handle): string
  typeIndex(object: Handle): number
  sameHandle(a: Handle, b: Handle): boolean
  address(handle: Handle): number
  dispose(handle: Handle): void
  isDisposed(handle: Handle): boolean
  handleCounts(): HandleCounts
  moduleGetFunction(module: Handle, name: string, queryImports: boolean): Handle | null
  moduleImport(module: Handle, dependency: Handle): void
  moduleLoad(path: string, format: string): Handle
  /** CPU features of this machine by LLVM's names. */
  cpuFeatures(): string[]
  float(value: number): object
  dataType(code: number, bits: number, lanes: number): object
  device(type: number, id: number): object
  arrayEmpty(shape: readonly number[], code: number, bits: number, lanes: number, deviceType: number, deviceId: number): Handle
  arrayFrom(view: ArrayBufferView, shape: readonly number[], code: number, bits: number, lanes: number): Handle
  arrayInfo(array: Handle): NativeArrayInfo
  arrayCopyTo(array: Handle, view: ArrayBufferView): void
  arrayCopyFrom(array: Handle, view: ArrayBufferView): void
  newThread(): object
  callOn(thread: object, func: Handle, args: readonly unknown[]): Promise<unknown>
  closeThread(thread: object): void
}

function load(): NativeBinding {
  const path = fileURLToPath(new URL('../build/Release/tvm_node.node', import.meta.url))
  try {
    return createRequire(import.meta.url)(path) as NativeBinding
  } catch (error) {
    throw new TvmNodeError('ERR_ADDON', `the native addon could not be loaded from ${path}: ${(error as Error).message}`, {
      cause: error,
      details: { path },
    })
  }
}

export const native: NativeBinding = load()
