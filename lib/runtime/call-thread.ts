import { native } from '../native.js'
import type { PackedFunc } from './packed-func.js'
import type { TvmArg, TvmValue } from './value.js'

/**
 * A native thread that runs packed functions one after the other: state that TVM keeps per thread, such as its worker pool,
 * stays with it.
 */
export class CallThread {
  /** @internal */
  readonly handle = native.newThread()

  /**
   * Runs calls in a row, without coming back to JavaScript between them.
   *
   * @returns The results in order. The first call that fails rejects the promise; those behind it do not run.
   */
  run(calls: readonly (readonly [func: PackedFunc, args: readonly TvmArg[]])[]): Promise<TvmValue[]> {
    return native.callOn(this.handle, calls) as Promise<TvmValue[]>
  }

  /** Ends the thread after the calls already queued. */
  dispose(): void {
    native.closeThread(this.handle)
  }
  [Symbol.dispose](): void {
    this.dispose()
  }
}
