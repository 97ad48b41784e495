import { createRequire } from 'node:module'
import { findAddon, unsupported } from './addon.js'
import { type ErrorCode, TvmNodeError } from './errors.js'

/** An array's description; its element type as the C ABI spells it: code (0 int, 1 uint, 2 float, 3 handle, 4 bfloat), bits, lanes. */
export interface NativeArrayInfo {
  readonly shape: readonly number[]
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
  setErrorFactory(make: (code: string, message: string, backtrace?: string, cause?: unknown) => Error): void
  setClasses(classes: {
    object: Constructor
    packedFunc: Constructor
    module: Constructor
    ndarray: Constructor
  }): void
  /** Objects of a type that come from now on are instances of the class; the library need not be open, nor know the type. */
  setObjectClass(typeKey: string, objectClass: Constructor): void
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
  float(value: number): object
  dataType(code: number, bits: number, lanes: number): object
  device(type: number, id: number): object
  arrayEmpty(
    shape: readonly number[],
    code: number,
    bits: number,
    lanes: number,
    deviceType: number,
    deviceId: number,
  ): Handle
  /** Over the view's memory where that is 64-byte aligned and no strides are given, else a copy. Strides and offset count elements. */
  arrayFrom(
    view: ArrayBufferView,
    shape: readonly number[],
    code: number,
    bits: number,
    lanes: number,
    strides?: readonly number[],
    offset?: number,
  ): Handle
  arrayInfo(array: Handle): NativeArrayInfo
  arrayCopyTo(array: Handle, view: ArrayBufferView): void
  arrayCopyFrom(array: Handle, view: ArrayBufferView): void
  viewAddress(view: ArrayBufferView): number
  /** Copies bytes to memory that the library asked a callback to fill. The address is trusted. */
  copyToAddress(address: bigint, view: ArrayBufferView): void
  /** `threads` run a parallel loop of adopted code, the thread itself among them. */
  newThread(threads: number): object
  /**
   * Runs calls in a row; the first that fails rejects the promise, and those behind it do not run. Results in order, then the
   * microseconds that they took.
   */
  callOn(
    thread: object,
    calls: readonly (readonly [func: Handle, args: readonly unknown[]])[],
  ): Promise<unknown[]>
  /** The same on the calling thread. */
  callHere(thread: object, calls: readonly (readonly [func: Handle, args: readonly unknown[]])[]): unknown[]
  closeThread(thread: object): void
  /** Points parallel loops of the library loaded from `path` to the workers of call threads; false when it has none to point. */
  adoptLoops(path: string): boolean
  /** What processor and operating system support, by LLVM's names, for example `avx2`, `avx512vnni`, `dotprod`. */
  cpuFeatures(): string[]
  /** From now on the system kills this process when the thread that started it ends, however that ends (Linux). */
  endWithParent(): void
  /** An empty file in memory, without a name, and its descriptor. Whoever is given the descriptor shares the memory. */
  openMemoryFile(): [file: object, descriptor: number]
  /** Closes the descriptor here; buffers over the file stay. Else it closes when `file` is collected or the thread ends. */
  closeMemoryFile(file: object): void
  /** A buffer over the first bytes of a memory file, which grows with zeros where it is smaller. Page aligned. */
  mapMemoryFile(descriptor: number, size: number): ArrayBuffer
  /** Whether reads and writes of a socket wait; holds for all its descriptors, in other processes too. */
  socketBlocking(descriptor: number, blocking: boolean): void
  /** Another descriptor of a socket, which child processes do not inherit. */
  socketDuplicate(descriptor: number): number
  /** Whether the peer of a TCP connection has closed it, or the system gave it up (Linux; false elsewhere). */
  socketHungUp(descriptor: number): boolean
  /**
   * Ends each TCP connection that this process has now, also those of the library, whose peer does not answer for so many
   * seconds (Linux).
   */
  noticeDeadPeers(seconds: number): void
  /** Descriptors of the two ends of a line within this machine; child processes inherit neither unless they are given it. */
  linePair(): [ours: number, theirs: number]
  /** A descriptor of a TCP connection with a numeric address. */
  lineConnect(host: string, port: number, timeoutMs: number): number
  /** A descriptor of a serial port, which no one else can open meanwhile. */
  lineSerial(path: string, baud: number): number
  /** A line over a descriptor, which it takes over and polls: those who wait on it need no event loop. */
  lineOpen(descriptor: number): object
  /** Packed functions by which the library's client of micro sessions sends and receives. */
  lineFunctions(line: object): [send: Handle, receive: Handle]
  /** Sends what else would wait until something is received. */
  lineFlush(line: object, timeoutMs: number): void
  lineClose(line: object): void
  closeDescriptor(descriptor: number): void
  /** Copies an element for each index of `shape`; strides and offsets count elements of `itemSize` bytes. */
  stridedCopy(
    to: ArrayBufferView,
    toStrides: readonly number[],
    toOffset: number,
    from: ArrayBufferView,
    fromStrides: readonly number[],
    fromOffset: number,
    shape: readonly number[],
    itemSize: number,
  ): void
  /** An element-wise operator over strided operands into a row-major result; comparisons yield bool. */
  binary(
    op: BinaryKernel,
    dtype: KernelType,
    to: ArrayBufferView,
    a: ArrayBufferView,
    aStrides: readonly number[],
    b: ArrayBufferView,
    bStrides: readonly number[],
    shape: readonly number[],
  ): void
  unary(op: UnaryKernel, dtype: KernelType, to: ArrayBufferView, from: ArrayBufferView): void
  castElements(to: ArrayBufferView, toDtype: KernelType, from: ArrayBufferView, fromDtype: KernelType): void
  /** Opens XGBoost's library once; `preload` is opened before it where the system has none of that name. */
  xgboostOpen(path: string, preload: string): void
  boosterCreate(params: readonly (readonly [name: string, value: string])[]): object
  /** Features are rows of `columns` numbers; margins, one a row or none, are what another model says already. */
  boosterTrain(
    booster: object,
    features: Float32Array,
    columns: number,
    labels: Float32Array,
    margins: Float32Array,
    rounds: number,
  ): void
  /** Learns labels of groups of consecutive rows, which the rows' values add up to. */
  boosterTrainSums(
    booster: object,
    features: Float32Array,
    columns: number,
    labels: Float32Array,
    groups: Int32Array,
    rounds: number,
    patience: number,
  ): void
  boosterPredict(booster: object, features: Float32Array, columns: number, margin: boolean): Float32Array
  boosterSave(booster: object): Uint8Array
  boosterLoad(booster: object, bytes: Uint8Array): void
}

/** Element types of the kernels; bool is a byte of 0 or 1. */
export type KernelType =
  | 'float32'
  | 'float64'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'bool'

/** Integers wrap; their division truncates and by zero throws `ERR_INVALID_ARGUMENT`. */
export type BinaryKernel =
  | 'add'
  | 'subtract'
  | 'multiply'
  | 'divide'
  | 'maximum'
  | 'minimum'
  | 'power'
  | 'equal'
  | 'not_equal'
  | 'less'
  | 'less_equal'
  | 'greater'
  | 'greater_equal'

/** `negative` and `abs` take any number, the others floats. `round` takes halves away from zero, as TVM does. */
export type UnaryKernel =
  | 'negative'
  | 'abs'
  | 'sqrt'
  | 'rsqrt'
  | 'exp'
  | 'log'
  | 'floor'
  | 'ceil'
  | 'round'
  | 'trunc'
  | 'tanh'
  | 'sigmoid'
  | 'erf'
  | 'sin'
  | 'cos'

function load(): NativeBinding {
  const path = findAddon()
  try {
    return createRequire(import.meta.url)(path) as NativeBinding
  } catch (error) {
    throw new TvmNodeError(
      'ERR_ADDON',
      unsupported() ?? `the native addon could not be loaded from ${path}: ${(error as Error).message}`,
      {
        cause: error,
        details: { path },
      },
    )
  }
}

/** The package's error for what the addon reports; a `backtrace`, possibly empty, tells errors of the library from our own. */
function makeError(code: string, message: string, backtrace?: string, cause?: unknown): Error {
  if (backtrace === undefined) return new TvmNodeError(code as ErrorCode, message)
  const [text, stack] = splitStack(message)
  // The library keeps only the first line of what was thrown in a callback.
  const said = cause instanceof Error ? `${cause.name}: ${cause.message}` : text
  const kind = /^([A-Za-z0-9_.]+):/.exec(text)?.[1] ?? 'TVMError'
  return new TvmNodeError('ERR_TVM', said, { cause, details: { kind, backtrace: stack || backtrace } })
}

function splitStack(message: string): [text: string, stack: string] {
  const mark = '\nStack trace:\n'
  const at = message.indexOf(mark)
  return at < 0 ? [message.trimEnd(), ''] : [message.slice(0, at), message.slice(at + mark.length).trimEnd()]
}

export const native: NativeBinding = load()
native.setErrorFactory(makeError)
