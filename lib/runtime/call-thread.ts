import { native } from '../native.js'

/**
 * A native thread that runs packed functions one after the other: state that TVM keeps per thread, such as its worker pool,
 * stays with it.
 */
export class CallThread {
  /** @internal */
  readonly handle = native.newThread()

  /** Ends the thread after the calls already queued. */
  dispose(): void {
    native.closeThread(this.handle)
  }
  [Symbol.dispose](): void {
    this.dispose()
  }
}
