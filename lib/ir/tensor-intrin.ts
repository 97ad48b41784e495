import { getGlobalFunc, registerObjectType, TvmObject } from '../runtime/index.js'
import type { Buffer, Stmt } from './stmt.js'
import type { Tensor } from './te.js'

/** An instruction that stands in for a small computation (TVM v0.18, include/tvm/te/tensor_intrin.h). */
export class TensorIntrin extends TvmObject {}
registerObjectType('TensorIntrin', TensorIntrin)

export interface TensorIntrinOptions {
  readonly name: string
  /** What is computed, of placeholders only: the pattern that loops are compared with. */
  readonly pattern: Tensor
  /** One for each placeholder, in the order in which the pattern reads them, then one for the result. */
  readonly buffers: readonly Buffer[]
  /** Statements that set the result to its first value, and that add to it. */
  readonly reset: Stmt
  readonly update: Stmt
  /** Both in one. */
  readonly body: Stmt
}

export function tensorIntrin({
  name,
  pattern,
  buffers,
  body,
  reset,
  update,
}: TensorIntrinOptions): TensorIntrin {
  const { op } = pattern
  return getGlobalFunc('te.TensorIntrin')(
    name,
    op,
    op.inputs,
    [...buffers],
    [],
    body,
    reset,
    update,
  ) as TensorIntrin
}
