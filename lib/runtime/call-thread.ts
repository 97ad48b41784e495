import { native } from '../native.js'
import type { PackedFunc } from './packed-func.js'
import type { TvmArg, TvmValue } from './value.js'

/** A packed function with its arguments. */
export type PackedCall = readonly [func: PackedFunc, args: readonly TvmArg[]]

/** Results of calls in their order. */
export interface CallResults {
  readonly values: readonly TvmValue[]
  /** What the calls took without the ways to the thread and back, in microseconds. */
  readonly durationUs: number
}

/**
 * A native thread that runs packed functions one after the other, with workers that share the parallel loops of generated code:
 * see `adoptParallelLoops`.
 */
export class CallThread {
  /** @internal */
  readonly handle: object

  /** @param threads - Threads that run a parallel loop, this one among them. */
  constructor(threads = 1) {
    this.handle = native.newThread(threads)
  }

  /**
   * Runs calls in a row, without coming back to JavaScript between them. The first call that fails rejects the promise; those
   * behind it do not run.
   */
  run(calls: readonly PackedCall[]): Promise<CallResults> {
    return native.callOn(this.handle, calls).then(results)
  }

  /** Does the same on the calling thread, which waits for it; parallel loops have the workers. */
  runHere(calls: readonly PackedCall[]): CallResults {
    return results(native.callHere(this.handle, calls))
  }

  /** Ends the thread and its workers after the calls already queued. */
  dispose(): void {
    native.closeThread(this.handle)
  }
  [Symbol.dispose](): void {
    this.dispose()
  }
}

function results(values: unknown[]): CallResults {
  const durationUs = values.pop() as number
  return { values: values as TvmValue[], durationUs }
}

/**
 * Lets the parallel loops of a loaded library of generated code run on the workers of the call thread that calls it, rather than
 * on TVM's own.
 *
 * @param path - The path that it was loaded from.
 * @returns False when it has no such loops, or code that calls the TVM library by name, as a C compiler makes it.
 */
export function adoptParallelLoops(path: string): boolean {
  return native.adoptLoops(path)
}
