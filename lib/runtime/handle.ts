import { native } from '../native.js'

/** What every handle of the library has: it is freed once, by `dispose()` or else by the garbage collector. */
export abstract class Handle {
  /** Frees the handle now; later uses throw `ERR_DISPOSED`. Safe to call twice. */
  dispose(): void {
    native.dispose(this)
  }
  get disposed(): boolean {
    return native.isDisposed(this)
  }
  [Symbol.dispose](): void {
    this.dispose()
  }
  /** Whether both are the same object of the library. */
  sameAs(other: Handle): boolean {
    return native.sameHandle(this, other)
  }
  /** The object's address: equal for equal objects while they live. */
  get address(): number {
    return native.address(this)
  }
}
