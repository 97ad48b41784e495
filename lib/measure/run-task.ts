import {
  adoptParallelLoops,
  CallThread,
  getGlobalFunc,
  loadModuleFromFile,
  NDArray,
  openLibrary,
  type PackedFunc,
} from '../runtime/index.js'
import { TrialError } from '../schedule-config/record.js'
import type { TensorArg } from '../schedule-config/workload.js'
import { type BuiltTrial, type RunOutcome, withoutExtremes } from './trial.js'

/** How a kernel is timed (TVM v0.18, src/runtime/rpc/rpc_module.cc, RPCTimeEvaluator). */
export interface TimingOptions {
  /** Calls in one measurement at first. */
  readonly number: number
  /** Measurements. */
  readonly repeat: number
  /** Milliseconds that a measurement takes at least: calls are added until it does. */
  readonly minRepeatMs: number
  /** Milliseconds of rest after each measurement. */
  readonly cooldownMs: number
  /** Whether the caches are emptied of all arguments but the first before each measurement; best with `number` 1. */
  readonly cacheFlush: boolean
}

export interface RunRequest {
  readonly trial: BuiltTrial
  readonly timing: TimingOptions
  readonly threads: number
}

const CPU = 1
/** A kernel that takes no time at all is not measured for ever. */
const ZERO_TIMES = 100
const FLUSH = 'cache_flush_cpu_non_first_arg'

/** Kernels run as they will in a session: on the same kind of thread, with the same workers. */
let thread: { readonly threads: number; readonly calls: CallThread } | undefined
/** Arguments of the kernels so far; those of one task are alike. */
const arrays = new Map<string, NDArray>()
const MOST_ARRAYS = 64

/** The engine's side of a local runner. Blocks its process: whoever waits for it may kill it. */
export function run({ trial, timing, threads }: RunRequest): RunOutcome {
  const started = performance.now()
  const elapsed = () => (performance.now() - started) / 1000
  try {
    openLibrary({ kind: 'runtime' })
    const args = trial.args.map(filled)
    const module = loadModuleFromFile(trial.path)
    adoptParallelLoops(trial.path)
    const { number, repeat, minRepeatMs, cooldownMs, cacheFlush } = timing
    const evaluate = getGlobalFunc('runtime.RPCTimeEvaluator')(
      module,
      'default_function',
      CPU,
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
    const [bytes] = threadOf(threads).runHere([[evaluate, args]]).values as [Uint8Array]
    evaluate.dispose()
    module.dispose()
    return { costs: withoutExtremes(doubles(bytes)), elapsed: elapsed() }
  } catch (cause) {
    return { error: TrialError.RUNTIME_DEVICE, message: (cause as Error).message, elapsed: elapsed() }
  }
}

function threadOf(threads: number): CallThread {
  if (thread?.threads !== threads) {
    thread?.calls.dispose()
    thread = { threads, calls: new CallThread(threads) }
  }
  return thread.calls
}

function filled({ shape, dtype }: TensorArg, position: number): NDArray {
  const key = `${position} ${dtype} ${shape}`
  const known = arrays.get(key)
  if (known) return known
  if (arrays.size >= MOST_ARRAYS) arrays.clear()
  const array = NDArray.empty(shape, dtype)
  getGlobalFunc('tvm.contrib.random.random_fill')(array)
  arrays.set(key, array)
  return array
}

function doubles(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: bytes.byteLength / 8 }, (_, i) => view.getFloat64(8 * i, true))
}
