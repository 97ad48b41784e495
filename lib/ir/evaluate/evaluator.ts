import type { TvmObject } from '../../runtime/index.js'
import type { Tensor } from '../../tensor.js'

/** What an evaluation yields: its type comes from the library's own type inference. */
export interface ResultType {
  readonly shape: readonly number[]
  readonly dtype: Tensor['dtype']
}

/** Computes an operator on constants; undefined leaves the case to the library. */
export type Evaluator = (
  inputs: readonly Tensor[],
  attrs: TvmObject,
  result: ResultType,
) => Tensor | undefined
