import {
  adoptParallelLoops,
  CallThread,
  getGlobalFunc,
  loadModuleFromFile,
  measuredSeconds,
  NDArray,
  openLibrary,
  type Timing,
  timeEvaluator,
} from '../runtime/index.js'
import { TrialError } from '../schedule-config/record.js'
import type { TensorArg } from '../schedule-config/workload.js'
import { type BuiltTrial, type RunOutcome, withoutExtremes } from './trial.js'

/** How a kernel is timed, with nothing left to defaults. */
export type TimingOptions = Required<Timing>

export interface RunRequest {
  readonly trial: BuiltTrial
  readonly timing: TimingOptions
  readonly threads: number
}

const CPU = 1

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
    const evaluate = timeEvaluator(module, 'default_function', CPU, timing)
    const [bytes] = threadOf(threads).runHere([[evaluate, args]]).values as [Uint8Array]
    evaluate.dispose()
    module.dispose()
    return { costs: withoutExtremes(measuredSeconds(bytes)), elapsed: elapsed() }
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
